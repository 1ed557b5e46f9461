/** Captions of both sides: the last utterance of each, the one who speaks now last. */

const ARABIC = /\p{Script=Arabic}/u;

export class Captions {
  /**
   * @param {HTMLElement} area
   * @param {{you: HTMLTemplateElement, them: HTMLTemplateElement}} templates
   * @param {string} language  of the session; text in Arabic letters is marked as Arabic whatever it is
   */
  constructor(area, templates, language) {
    this.area = area;
    this.templates = templates;
    this.language = language;
    /** @type {Record<string, {segment: string, paragraph: HTMLElement} | undefined>} */
    this.last = {};
  }

  /**
   * One stream of a segment: the avatar's words come in pieces, each guess at the visitor's as a stream of its own.
   *
   * @param {{reader: AsyncIterable<string>, segment: string, mine: boolean}} caption
   */
  async follow({ reader, segment, mine }) {
    let text = "";
    try {
      for await (const piece of reader) {
        text += piece;
        this.write(mine ? "you" : "them", segment, text);
      }
    } catch (error) {
      console.warn("A caption broke off", error); // its speaker left; what was said stays
    }
  }

  /** @param {"you"|"them"} side @param {string} segment @param {string} text */
  write(side, segment, text) {
    if (!text.trim()) return;
    if (this.last[side]?.segment !== segment) {
      this.last[side]?.paragraph.remove();
      const paragraph = this.templates[side].content.firstElementChild.cloneNode(true);
      this.last[side] = { segment, paragraph };
      this.area.append(paragraph);
    }
    const { paragraph } = this.last[side];
    const arabic = ARABIC.test(text);
    paragraph.lang = arabic ? "ar" : this.language === "ar" ? "en" : this.language;
    paragraph.dir = arabic ? "rtl" : "ltr";
    paragraph.querySelector(".words").textContent = text;
  }

  clear() {
    this.area.replaceChildren();
    this.last = {};
  }
}
