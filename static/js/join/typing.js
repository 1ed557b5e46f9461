/** The field for those who type: Enter sends, Escape goes back to talking; what could not be sent stays in it. */

export class Typing {
  /**
   * @param {HTMLFormElement} form
   * @param {(text: string) => Promise<boolean>} send  resolves to whether the words are on their way
   */
  constructor(form, send) {
    this.form = form;
    this.field = form.querySelector("input");
    this.send = send;
    this.sending = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") form.querySelector("[data-do=stop-typing]").click();
    });
  }

  focus() {
    this.field.focus();
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text || this.sending) return;
    this.sending = true;
    try {
      if (await this.send(text)) this.field.value = "";
    } finally {
      this.sending = false;
      this.focus();
    }
  }
}
