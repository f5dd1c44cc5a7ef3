// The shared t-SNE map (points.py): zoomed, filtered, and with the face under the pointer where the page has it.
{
  const block = document.getElementById("points-data");
  const REACH = 10, MOST_PINS = 4;

  class FeatureMap {
    constructor({ emotions, colours, scale, clouds }) {
      const section = document.getElementById("map");
      Object.assign(this, { emotions, colours, scale, section, zoom: 1, x: 0.5, y: 0.5, under: null });
      this.canvas = section.querySelector(".board > canvas");
      this.clouds = clouds.map((cloud, k) => ({ ...cloud, on: k < 2, of: emotions.map(() => []) }));
      for (const { label, of } of this.clouds) label.forEach((c, i) => of[c].push(i));
      this.wanted = emotions.map(() => true);
      // Colours as the four bytes of a pixel: red comes first in memory.
      this.inks = new Uint32Array(Uint8Array.from(
        colours.flatMap((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255)),
      ).buffer);
      const edits = document.getElementById("edits-data");
      this.edits = edits && JSON.parse(edits.textContent).edits;
      this.images = new Map();
      section.hidden = false;
      this.filters();
      this.listen();
      new ResizeObserver(() => this.draw()).observe(this.canvas);
    }

    filters() {
      const [clouds, emotions] = this.section.querySelectorAll(".filters[role]");
      this.clouds.forEach((cloud) => {
        this.box(clouds, [cloud.title, cloud.codes].filter(Boolean).join(", "), cloud.on, (on) => { cloud.on = on; });
      });
      this.emotions.forEach((emotion, c) => {
        const label = this.box(emotions, emotion, true, (on) => { this.wanted[c] = on; });
        const dot = document.createElement("span");
        dot.className = "dot";
        dot.style.setProperty("--colour", this.colours[c]);
        label.prepend(dot);
      });
    }

    box(group, words, on, change) {
      const label = document.createElement("label"), box = document.createElement("input");
      box.type = "checkbox";
      box.checked = on;
      box.addEventListener("change", () => { change(box.checked); this.draw(); });
      label.append(box, ` ${words}`);
      group.append(label);
      return label;
    }

    listen() {
      const { canvas } = this;
      for (const button of this.section.querySelectorAll("[data-zoom]")) {
        button.addEventListener("click", () => this.scaleBy(Number(button.dataset.zoom)));
      }
      canvas.addEventListener("keydown", (event) => {
        const by = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 }[event.key];
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        const pin = event.key === "Enter";
        if (by === undefined && !step && !pin) return;
        event.preventDefault();
        if (step) this.pan(0.1 * step[0] / this.zoom, 0.1 * step[1] / this.zoom);
        else if (!pin) this.scaleBy(by);
        // Without a pointer the middle of the map points.
        if (!pin || !this.under) this.find(this.x, this.y, Infinity);
        if (pin && this.under) this.pin(this.under);
      });
      canvas.addEventListener("blur", () => this.find(this.x, this.y, 0));
      canvas.addEventListener("wheel", (event) => {
        if (document.activeElement !== canvas) return;
        event.preventDefault();
        this.scaleBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
      }, { passive: false });
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        this.held = { x: event.clientX, y: event.clientY, moved: false };
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!this.held) return this.point(event);
        const unit = this.unit() * canvas.clientWidth / canvas.width;
        const [right, down] = [event.clientX - this.held.x, event.clientY - this.held.y];
        if (Math.hypot(right, down) < 4 && !this.held.moved) return undefined;
        this.held = { x: event.clientX, y: event.clientY, moved: true };
        return this.pan(-right / unit, down / unit);
      });
      canvas.addEventListener("pointerup", (event) => {
        const still = this.held && !this.held.moved;
        this.held = null;
        if (!still) return;
        this.point(event);
        if (this.under) this.pin(this.under);
      });
    }

    // Pixels of the canvas for the whole width of the map, at the zoom.
    unit() { return 0.94 * this.zoom * Math.min(this.canvas.width, this.canvas.height); }

    scaleBy(by) {
      if (!by) [this.x, this.y] = [0.5, 0.5];
      this.zoom = by ? Math.min(40, Math.max(1, this.zoom * by)) : 1;
      this.draw();
    }

    pan(right, up) {
      this.x = Math.min(1, Math.max(0, this.x + right));
      this.y = Math.min(1, Math.max(0, this.y + up));
      this.draw();
    }

    place(cloud, i) {
      const unit = this.unit();
      return [this.canvas.width / 2 + (cloud.x[i] / this.scale - this.x) * unit,
        this.canvas.height / 2 - (cloud.y[i] / this.scale - this.y) * unit];
    }

    // Draws at the next frame, once, however often it is asked for.
    draw() {
      if (this.asked) return;
      this.asked = requestAnimationFrame(() => { this.asked = 0; this.paint(); });
    }

    paint() {
      const { canvas } = this, context = canvas.getContext("2d"), dense = window.devicePixelRatio || 1;
      canvas.width = Math.round(canvas.clientWidth * dense);
      canvas.height = Math.round(canvas.clientHeight * dense);
      const pale = matchMedia("(prefers-color-scheme: dark)").matches ? 0.65 : 0.45;
      const shown = this.clouds.filter(({ on }) => on), grow = dense * Math.min(2, this.zoom ** 0.25);
      this.layer(context, shown.filter(({ method }) => method === "real"), 7 * grow, pale);
      this.layer(context, shown.filter(({ method }) => method !== "real"), 4 * grow, 0.9);
      if (this.under) {
        const [x, y] = this.place(...this.under);
        context.lineWidth = 2 * dense;
        context.strokeStyle = getComputedStyle(canvas).color;
        context.strokeRect(x - 6 * dense, y - 6 * dense, 12 * dense, 12 * dense);
      }
      this.section.dataset.ready = "true";
    }

    // Writes squares into pixels, which is several times as fast as the canvas's own rectangles: 40,000 points
    // are drawn in each frame while the map is moved.
    layer(context, clouds, size, alpha) {
      const { width, height } = context.canvas, side = Math.max(1, Math.round(size));
      if (!clouds.length || !width || !height) return;
      const picture = new ImageData(width, height), pixels = new Uint32Array(picture.data.buffer);
      const unit = this.unit(), step = unit / this.scale;
      const left = width / 2 - this.x * unit - side / 2, low = height / 2 + this.y * unit - side / 2;
      for (const cloud of clouds) {
        cloud.of.forEach((points, c) => {
          if (!this.wanted[c]) return;
          for (const i of points) {
            const x = Math.round(left + cloud.x[i] * step), y = Math.round(low - cloud.y[i] * step);
            const first = Math.max(0, x), end = Math.min(width, x + side), last = Math.min(height, y + side);
            for (let row = Math.max(0, y); row < last; row++) {
              for (let at = row * width + first; at < row * width + end; at++) pixels[at] = this.inks[c];
            }
          }
        });
      }
      const canvas = new OffscreenCanvas(width, height);
      canvas.getContext("2d").putImageData(picture, 0, 0);
      context.globalAlpha = alpha;
      context.drawImage(canvas, 0, 0);
      context.globalAlpha = 1;
    }

    point(event) {
      const { canvas } = this, box = canvas.getBoundingClientRect(), dense = canvas.width / box.width;
      const unit = this.unit();
      // The pointer's place on the map, in the numbers of the clouds.
      const px = ((event.clientX - box.left) * dense - canvas.width / 2) / unit + this.x;
      const py = this.y - ((event.clientY - box.top) * dense - canvas.height / 2) / unit;
      this.find(px, py, REACH * dense / unit);
    }

    // Tells the point of the shown clouds that is nearest to a place of the map, if one is within reach.
    find(px, py, reach) {
      let best = (reach * this.scale) ** 2;
      this.under = null;
      for (const cloud of this.clouds.filter(({ on }) => on)) {
        for (let i = 0; i < cloud.label.length; i++) {
          if (!this.wanted[cloud.label[i]]) continue;
          const far = (cloud.x[i] - px * this.scale) ** 2 + (cloud.y[i] - py * this.scale) ** 2;
          if (far < best) [best, this.under] = [far, [cloud, i]];
        }
      }
      const told = this.section.querySelector(".told");
      told.querySelector("p").textContent = this.under ? this.words(...this.under) : "";
      if (this.under) this.face(told.querySelector("canvas"), ...this.under);
      else told.querySelector("canvas").hidden = true;
      this.draw();
    }

    words(cloud, i) {
      const emotion = this.emotions[cloud.label[i]], image = this.imageOf(cloud, i);
      const which = image === null ? "" : ` (test image ${image + 1})`;
      if (cloud.method === "real") return `Real image of ${emotion}${which}`;
      const scores = this.scores(cloud, i);
      return `${cloud.title}: edit towards ${emotion}${which}; ${cloud.codes}${scores}`;
    }

    imageOf(cloud, i) {
      if (!cloud.row.length) return null;
      return cloud.method === "real" ? cloud.row[i] : Math.floor(cloud.row[i] / 7);
    }

    onPage(cloud, i) {
      const image = this.imageOf(cloud, i);
      return this.edits && image !== null && image < this.edits.labels.length;
    }

    scores(cloud, i) {
      if (!cloud.anchor || !this.onPage(cloud, i)) return "";
      const { seen, p } = this.edits.methods[cloud.method], edit = cloud.row[i];
      return `; seen as ${this.emotions[seen[edit]]} (${this.emotions[edit % 7]}: ${Math.round(100 * p[edit])}\u00a0%)`;
    }

    // The edit, or the input where the page does not have the edit.
    async face(canvas, cloud, i) {
      canvas.hidden = !this.onPage(cloud, i);
      if (canvas.hidden) return;
      const { tile } = this.edits, source = cloud.anchor ? this.edits.methods[cloud.method].sprite : this.edits.inputs;
      if (!this.images.has(source)) {
        const image = new Image();
        image.src = source;
        this.images.set(source, image.decode().then(() => image));
      }
      const image = await this.images.get(source), column = cloud.anchor ? cloud.row[i] % 7 : 0;
      canvas.width = canvas.height = tile;
      const context = canvas.getContext("2d");
      context.drawImage(image, column * tile, this.imageOf(cloud, i) * tile, tile, tile, 0, 0, tile, tile);
    }

    pin([cloud, i]) {
      const pins = this.section.querySelector(".pins"), figure = document.createElement("figure");
      const canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
      caption.textContent = this.words(cloud, i);
      figure.append(canvas, caption);
      this.face(canvas, cloud, i);
      pins.prepend(figure);
      while (pins.children.length > MOST_PINS) pins.lastChild.remove();
    }
  }

  if (block) new FeatureMap(JSON.parse(block.textContent));
}
