"use strict";
// The gamut explorer: a point in the plane of codes, and the face that the method makes of it.
//
// Data of a method (explorer.py): values at side x side nodes of the square [-1, 1]^2, node i + side * j at column
// i and row j. `label`, `average` and `judged` (of each face) hold 7 probabilities a node in steps of 1/255; a
// sprite holds the edit of each node, with the row of the largest y at the top.
{
  const STEP = 0.02, LEAP = 0.1;

  const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  const load = async (uri) => {
    const image = new Image();
    image.src = uri;
    await image.decode();
    return image;
  };

  // Whether each node has an edit: outside a disc there is none.
  function edited(data) {
    const cells = data.side - 1;
    return Uint8Array.from({ length: data.side ** 2 }, (_, node) => {
      const x = 2 * (node % data.side) / cells - 1, y = 2 * Math.floor(node / data.side) / cells - 1;
      return !data.disc || Math.hypot(x, y) <= 1 + 1e-6;
    });
  }

  // The four nodes around a point and their weights, which sum to 1. Nodes without an edit have no weight; the one
  // that is nearest to the centre always has an edit.
  function around({ side, has }, x, y, near) {
    const u = (x + 1) / 2 * (side - 1), v = (y + 1) / 2 * (side - 1);
    const i = Math.min(Math.floor(u), side - 2), j = Math.min(Math.floor(v), side - 2);
    let sum = 0;
    for (let corner = 0; corner < 4; corner++) {
      const right = corner & 1, up = corner >> 1, node = (j + up) * side + i + right;
      const weight = has[node] * (right ? u - i : 1 - u + i) * (up ? v - j : 1 - v + j);
      near.nodes[corner] = node;
      near.weights[corner] = weight;
      sum += weight;
    }
    for (let corner = 0; corner < 4; corner++) near.weights[corner] /= sum;
    return near;
  }

  // The probabilities at a point, from the table of a lattice that starts at `first`.
  function mix(table, near, p, first = 0) {
    p.fill(0);
    for (let corner = 0; corner < 4; corner++) {
      const start = first + 7 * near.nodes[corner];
      for (let c = 0; c < 7; c++) p[c] += near.weights[corner] * table[start + c] / 255;
    }
    return p;
  }

  function largest(p) {
    let top = 0;
    for (let c = 1; c < p.length; c++) if (p[c] > p[top]) top = c;
    return top;
  }

  const newNear = () => ({ nodes: new Int32Array(4), weights: new Float64Array(4) });

  // Colours are those of the figures: that of the likeliest emotion, paler where it is less likely.
  function paintPlane(canvas, lattice, main, other, colours) {
    const size = canvas.width, context = canvas.getContext("2d"), pixels = context.createImageData(size, size);
    const near = newNear(), p = new Float64Array(7), q = new Float64Array(7);
    for (let py = 0; py < size; py++) {
      for (let px = 0; px < size; px++) {
        const x = 2 * (px + 0.5) / size - 1, y = 1 - 2 * (py + 0.5) / size;
        if (lattice.disc && x * x + y * y > 1) continue;
        around(lattice, x, y, near);
        const top = largest(mix(main, near, p)), hatched = (px + py) % 12 < 3;
        const dark = hatched && other && largest(mix(other, near, q)) !== top ? 0.5 : 1;
        const depth = 0.25 + 0.65 * Math.max(0, (p[top] - 1 / 7) / (6 / 7));
        const at = 4 * (py * size + px);
        for (let k = 0; k < 3; k++) pixels.data[at + k] = dark * (255 - depth * (255 - colours[top][k]));
        pixels.data[at + 3] = 255;
      }
    }
    context.putImageData(pixels, 0, 0);
  }

  // The edit at a point: each further tile is laid over the former ones with the opacity that makes the sum right.
  function paintEdit(canvas, { side, tile }, sprite, { nodes, weights }) {
    const context = canvas.getContext("2d");
    let sum = 0;
    for (let corner = 0; corner < 4; corner++) {
      if (weights[corner] < 1e-9) continue;
      sum += weights[corner];
      context.globalAlpha = weights[corner] / sum;
      const left = nodes[corner] % side * tile, top = (side - 1 - Math.floor(nodes[corner] / side)) * tile;
      context.drawImage(sprite, left, top, tile, tile, 0, 0, tile, tile);
    }
    context.globalAlpha = 1;
  }

  const minus = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "\u2212");

  class Explorer {
    constructor(section, data, emotions, colours) {
      Object.assign(this, { section, data, emotions, colours });
      this.map = this.one(".map");
      this.label = data.label && decode(data.label);
      this.average = decode(data.average);
      this.judged = decode(data.judged);
      this.sprites = new Map();
      this.face = 0;
      this.visited = {};
      this.x = this.y = 0;
      this.lattice = { side: data.side, tile: data.tile, disc: data.disc, has: edited(data) };
      this.map.classList.toggle("disc", data.disc);
      this.all(".anchor").forEach((mark, c) => this.put(mark, ...data.anchors[c]));
      for (const canvas of this.all(".edit, .input, [data-face] canvas")) canvas.width = canvas.height = data.tile;
    }

    one(selector) { return this.section.querySelector(selector); }
    all(selector) { return [...this.section.querySelectorAll(selector)]; }

    put(mark, x, y) {
      mark.style.left = `${50 * (x + 1)}%`;
      mark.style.top = `${50 * (1 - y)}%`;
    }

    async start() {
      this.section.hidden = false;
      this.inputs = await load(this.data.inputs);
      this.all("[data-face]").forEach((button, k) => {
        this.paintInput(button.querySelector("canvas"), k);
        button.addEventListener("click", () => this.choose(k));
      });
      for (const button of this.all("[data-anchor]")) {
        button.addEventListener("click", () => this.move(...this.data.anchors[button.dataset.anchor]));
      }
      for (const button of this.all("[data-figure]")) button.addEventListener("click", () => this.visit(button));
      for (const button of this.all("[data-colours]")) {
        button.addEventListener("click", () => this.paint(button.dataset.colours));
      }
      this.map.addEventListener("keydown", (event) => this.press(event));
      this.map.addEventListener("pointerdown", (event) => {
        this.map.setPointerCapture(event.pointerId);
        this.drag(event);
      });
      this.map.addEventListener("pointermove", (event) => {
        if (this.map.hasPointerCapture(event.pointerId)) this.drag(event);
      });
      this.paint(this.label ? "label" : "average");
      this.move(...this.data.anchors[1].map((part) => part / 2));
      await this.choose(0);
    }

    paint(which) {
      const [main, other] = which === "label" ? [this.label, this.average] : [this.average, this.label];
      paintPlane(this.map, this.lattice, main, other, this.colours);
      for (const button of this.all("[data-colours]")) {
        button.setAttribute("aria-pressed", button.dataset.colours === which);
      }
    }

    paintInput(canvas, face) {
      const tile = this.data.tile;
      canvas.getContext("2d").drawImage(this.inputs, face * tile, 0, tile, tile, 0, 0, tile, tile);
    }

    async choose(face) {
      this.face = face;
      this.all("[data-face]").forEach((button, k) => button.setAttribute("aria-pressed", k === face));
      if (!this.sprites.has(face)) this.sprites.set(face, await load(this.data.sprites[face]));
      this.paintInput(this.one(".input"), face);
      this.show();
      this.section.dataset.ready = "true";
    }

    visit(button) {
      const figure = button.dataset.figure, codes = this.data.places[figure];
      const number = this.visited[figure] = ((this.visited[figure] ?? -1) + 1) % codes.length;
      for (const other of this.all("[data-figure]")) {
        other.setAttribute("aria-pressed", other === button);
        other.querySelector(".count").textContent = other === button ? ` ${number + 1} of ${codes.length}` : "";
      }
      this.one(".places").replaceChildren(...codes.map((code) => {
        const mark = document.createElement("span");
        mark.className = "place";
        this.put(mark, ...code);
        return mark;
      }));
      this.move(...codes[number]);
    }

    drag(event) {
      const box = this.map.getBoundingClientRect();
      this.move(2 * (event.clientX - box.left) / box.width - 1, 1 - 2 * (event.clientY - box.top) / box.height);
    }

    press(event) {
      const step = event.shiftKey ? LEAP : STEP;
      const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowDown: [0, -step], ArrowUp: [0, step] }[event.key];
      if (by) this.move(this.x + by[0], this.y + by[1]);
      else if (event.key === "Home") this.move(0, 0);
      else return;
      event.preventDefault();
    }

    move(x, y) {
      const far = Math.max(1, this.data.disc ? Math.hypot(x, y) : 0);
      [this.x, this.y] = [x, y].map((part) => Math.min(1, Math.max(-1, part / far)));
      this.put(this.one(".point"), this.x, this.y);
      this.show();
    }

    show() {
      const { emotions } = this, near = around(this.lattice, this.x, this.y, newNear());
      const sprite = this.sprites.get(this.face);
      if (sprite) paintEdit(this.one(".edit"), this.lattice, sprite, near);
      const judge = mix(this.judged, near, new Float64Array(7), 7 * this.data.side ** 2 * this.face);
      const label = this.label && mix(this.label, near, new Float64Array(7));
      this.bars("judge", judge);
      if (label) this.bars("label", label);
      const code = `x ${minus(this.x)}, y ${minus(this.y)}`;
      const meaning = label ? `the code stands for ${emotions[largest(label)]}` : this.direction();
      const verdict = `the judge sees ${emotions[largest(judge)]}, ${Math.round(100 * Math.max(...judge))} %`;
      this.one(".where").textContent = `${code}; ${meaning}; ${verdict}`;
      this.map.setAttribute("aria-valuenow", this.x.toFixed(2));
      this.map.setAttribute("aria-valuetext", `${code}; ${meaning}; ${verdict}`);
    }

    // GANmut's reading of a code: the length is the intensity, and the direction the emotion.
    direction() {
      const rho = Math.hypot(this.x, this.y);
      const turns = this.data.anchors.map(([u, v]) => {
        if (Math.hypot(u, v) < 0.1) return Infinity;
        return Math.abs(Math.atan2(u * this.y - v * this.x, u * this.x + v * this.y)) * 180 / Math.PI;
      });
      const nearest = turns.indexOf(Math.min(...turns));
      const aim = rho < 0.01 ? "no direction" : `direction ${Math.round(turns[nearest])}\u00b0 from ${this.emotions[nearest]}`;
      return `intensity \u03c1 ${rho.toFixed(2)}, ${aim}`;
    }

    bars(which, p) {
      this.all(`[data-of="${which}"]`).forEach((cell, c) => {
        cell.querySelector("i").style.width = `${70 * p[c]}%`;
        cell.querySelector("span").textContent = Math.round(100 * p[c]);
      });
    }
  }

  const block = document.getElementById("explorer-data");
  if (block) {
    const { emotions, colours, methods } = JSON.parse(block.textContent);
    const rgb = colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    for (const section of document.querySelectorAll(".explorer")) {
      new Explorer(section, methods[section.dataset.method], emotions, rgb).start();
    }
  }
}
