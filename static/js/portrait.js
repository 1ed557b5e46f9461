/* Uploading a portrait: drop or choose a picture, see it, crop it. What is sent is the file as it is and, in [name=crop], the
   part that counts: left, top, right, bottom as shares of the picture. The server looks at all of it again. */

import { Crop } from "./crop.js";

const form = document.querySelector("[data-portrait-form]");
if (form) {
  const drop = form.querySelector("[data-drop]");
  const chooser = form.querySelector("input[type=file]");
  const panel = form.querySelector("[data-crop]");
  const picture = form.querySelector("[data-crop-picture]");
  const refusal = document.getElementById("portrait-refusal");
  const kinds = chooser.accept.split(",");
  const crop = new Crop(form.querySelector("[data-crop-box]"), (edges) => {
    form.elements.crop.value = edges.map((edge) => edge.toFixed(5)).join(",");
  });

  /** @param {string} sentence empty where all is well */
  const refuse = (sentence) => {
    const line = Object.assign(document.createElement("p"), { className: "av-error", textContent: sentence });
    refusal.replaceChildren(...(sentence ? [line] : []));
  };

  const forget = () => {
    URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
    panel.hidden = true;
    form.elements.crop.value = "";
  };

  /** Show the chosen file, or say why it can't be taken. */
  const look = () => {
    const [file] = chooser.files;
    forget();
    if (!file) return;
    const wrong = !kinds.includes(file.type) ? form.dataset.notAPicture : file.size > Number(form.dataset.mostBytes) ? form.dataset.tooLarge : "";
    refuse(wrong);
    if (wrong) {
      chooser.value = "";
      return;
    }
    picture.src = URL.createObjectURL(file);
  };

  picture.addEventListener("load", () => {
    panel.hidden = false;
    crop.all();
  });
  picture.addEventListener("error", () => {
    if (!picture.hasAttribute("src")) return;
    forget();
    chooser.value = "";
    refuse(form.dataset.notAPicture);
  });
  chooser.addEventListener("change", look);
  if (chooser.files.length) look(); // chosen before this script was there
  form.querySelector("[data-crop-all]").addEventListener("click", () => crop.all());

  // A file that misses the field must not replace the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  drop.addEventListener("dragenter", () => drop.toggleAttribute("data-over", true));
  drop.addEventListener("dragleave", (event) => { if (!drop.contains(event.relatedTarget)) drop.removeAttribute("data-over"); });
  drop.addEventListener("drop", (event) => {
    drop.removeAttribute("data-over");
    if (!event.dataTransfer.files.length) return;
    chooser.files = event.dataTransfer.files;
    look();
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== form || !event.detail.successful) return;
    form.reset();
    forget();
    refuse("");
  });
}
