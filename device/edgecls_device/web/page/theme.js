// Sets the theme before anything is drawn, so that it is a plain script in <head> and no module.
"use strict";
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem("edgecls-theme");
    } catch {
      return null; // storage is forbidden: follow the system
    }
  };

  const apply = () => {
    root.dataset.theme = chosen() ?? (system.matches ? "dark" : "light");
    document.getElementById("theme")?.setAttribute("aria-pressed", root.dataset.theme === "dark");
  };

  // A choice that is the system's own is forgotten, so that the page follows the system again.
  const toggle = () => {
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      if (next === (system.matches ? "dark" : "light")) localStorage.removeItem("edgecls-theme");
      else localStorage.setItem("edgecls-theme", next);
      apply();
    } catch {
      root.dataset.theme = next;
    }
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", toggle);
  });
}
