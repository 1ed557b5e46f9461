/* A frame over a picture that can be moved and resized, by pointer and by keyboard. Places are shares of the picture, 0 to 1. */

const LEAST = 0.08;
const STEP = 0.02;
const CORNERS = [[0, 1], [2, 1], [2, 3], [0, 3]]; // which edges each corner holds: left 0, top 1, right 2, bottom 3
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const within = (value, low, high) => Math.min(Math.max(value, low), high);

export class Crop {
  /** @param {HTMLElement} box lies over the picture, its children the corners
      @param {(edges: number[]) => void} changed told left, top, right, bottom */
  constructor(box, changed) {
    this.box = box;
    this.changed = changed;
    this.edges = [0, 0, 1, 1];
    this.corners = [...box.children];
    box.addEventListener("pointerdown", (event) => this.#take(event));
    box.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The whole picture again. */
  all() {
    this.#set([0, 0, 1, 1]);
  }

  #set(edges) {
    this.edges = edges;
    const [left, top, right, bottom] = edges;
    Object.assign(this.box.style, {
      insetInlineStart: `${left * 100}%`, insetBlockStart: `${top * 100}%`,
      inlineSize: `${(right - left) * 100}%`, blockSize: `${(bottom - top) * 100}%`,
    });
    this.changed(edges);
  }

  /** @param {number} across @param {number} down */
  #move(across, down) {
    const [left, top, right, bottom] = this.edges;
    const x = within(across, -left, 1 - right);
    const y = within(down, -top, 1 - bottom);
    this.#set([left + x, top + y, right + x, bottom + y]);
  }

  /** @param {number[]} held the edges that move */
  #resize(held, across, down) {
    const edges = [...this.edges];
    for (const edge of held) {
      const isFar = edge > 1;
      const other = edges[(edge + 2) % 4];
      const moved = edges[edge] + (edge % 2 ? down : across);
      edges[edge] = isFar ? within(moved, other + LEAST, 1) : within(moved, 0, other - LEAST);
    }
    this.#set(edges);
  }

  #take(event) {
    if (event.button) return;
    event.preventDefault();
    this.box.focus();
    const corner = CORNERS[this.corners.indexOf(event.target)];
    const started = this.edges;
    const { width, height } = this.box.parentElement.getBoundingClientRect();
    const drag = (moved) => {
      this.edges = started;
      const way = [(moved.clientX - event.clientX) / width, (moved.clientY - event.clientY) / height];
      if (corner) this.#resize(corner, ...way);
      else this.#move(...way);
    };
    const drop = () => {
      this.box.removeEventListener("pointermove", drag);
      this.box.removeEventListener("pointerup", drop);
      this.box.removeEventListener("pointercancel", drop);
    };
    this.box.setPointerCapture(event.pointerId);
    this.box.addEventListener("pointermove", drag);
    this.box.addEventListener("pointerup", drop);
    this.box.addEventListener("pointercancel", drop);
  }

  #key(event) {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const [x, y] = [arrow[0] * STEP, arrow[1] * STEP];
    if (event.shiftKey) this.#resize([2, 3], x, y);
    else this.#move(x, y);
  }
}
