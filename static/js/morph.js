/* hx-swap="morph" changes what differs and leaves the rest: what is pressed, focused or selected stays so while its part of the
   page is fetched again. Idiomorph's own extension does not tell htmx what it swapped, so nobody would hear htmx:afterSettle. */

window.htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment, settleInfo) {
    if (!style.startsWith("morph")) return false;
    const morphed = window.Idiomorph.morph(target, fragment.children, { morphStyle: style === "morph:innerHTML" ? "innerHTML" : "outerHTML" });
    settleInfo.elts.push(...morphed);
    return morphed;
  },
});
