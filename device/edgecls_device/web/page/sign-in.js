// The token: typed into a form, or given in the address as #token=..., used once and taken out of it.
import { reasonOf } from "./connection.js";
import { byId, say, show } from "./elements.js";

/** Return the token of the address and remove it there, so that it is in no history and no screenshot. */
export const takeToken = () => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) history.replaceState(null, "", location.pathname + location.search);
  return given;
};

/** Exchange the token for a cookie; returns why not, or nothing. */
export const signIn = async (token) => {
  try {
    const answer = await fetch("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    return answer.ok ? "" : answer.status === 401 ? "This is not the token." : await reasonOf(answer);
  } catch {
    return "No answer from the server.";
  }
};

export class SignInForm {
  constructor(done) {
    byId("sign-in-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const field = byId("token");
      const why = await signIn(field.value.trim());
      this.#explain(why);
      field.value = "";
      if (why) return field.focus();
      this.close();
      done();
    });
  }

  open(why = "") {
    show(byId("live"), false);
    show(byId("sign-in"), true);
    document.body.classList.add("signed-out");
    this.#explain(why);
    byId("token").focus();
  }

  close() {
    show(byId("sign-in"), false);
    show(byId("live"), true);
    document.body.classList.remove("signed-out");
  }

  #explain(why) {
    say(byId("sign-in-error"), why);
    show(byId("sign-in-error"), why !== "");
  }
}
