// A photo of one's own: chosen, dropped or pasted anywhere on the page.

/** Call `take` with each file that the user gives, and mark `target` while one is dragged over the page. */
export const takePhotos = (field, target, take) => {
  field.addEventListener("change", () => {
    if (field.files[0]) take(field.files[0]);
    field.value = ""; // the same photo may be chosen again
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (file) take(file);
  });
  let depth = 0; // dragenter and dragleave come for each element on the way
  const mark = (change) => {
    depth = Math.max(depth + change, 0);
    target.classList.toggle("over", depth > 0);
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
};
