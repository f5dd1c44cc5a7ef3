// Behind every number: a cell of Table 1 opens a dialog with the edits that the number is about. `edits.py` says what
// the data are: rows of `inputs` and sprites are images, columns of sprites are targets.
{
  const block = document.getElementById("edits-data");
  const dialog = document.getElementById("edits");

  // How a number of an edit is told, and whether a larger one is better.
  const ORDERS = {
    p: { better: 1, tell: (value) => `judge's probability of the emotion asked for: ${Math.round(100 * value)}\u00a0%` },
    error: { better: -1, tell: (value) => `distance to the true edit: ${value.toFixed(2)} of the input's` },
    background: { better: -1, tell: (value) => `change of the background: ${value.toFixed(4)}` },
  };

  // The cell of the table that a key leads to from a cell; undefined if the key does not move, or nothing is there.
  function neighbour(cell, key) {
    const opens = (other) => other?.getAttribute("role") === "button" && other.offsetParent;
    const row = [...cell.parentElement.cells].filter(opens), place = row.indexOf(cell);
    const column = [...cell.closest("tbody").rows].map((other) => other.cells[cell.cellIndex]).filter(opens);
    return {
      ArrowLeft: row[place - 1], ArrowRight: row[place + 1], Home: row[0], End: row.at(-1),
      ArrowUp: column[column.indexOf(cell) - 1], ArrowDown: column[column.indexOf(cell) + 1],
    }[key];
  }

  // The Tab key stops at one cell: where the reader was, or the first one that is shown, since columns can be hidden.
  function stopAtOne(cells) {
    const enter = (chosen) => { for (const cell of cells) cell.tabIndex = cell === chosen ? 0 : -1; };
    const isShown = (cell) => cell.offsetParent;
    const renew = () => enter(cells.find((cell) => cell.tabIndex === 0 && isShown(cell)) ?? cells.find(isShown));
    for (const cell of cells) cell.addEventListener("focus", () => enter(cell));
    document.addEventListener("change", renew);
    renew();
  }

  class Edits {
    constructor(data, emotions) {
      Object.assign(this, { data, emotions, images: new Map(), chosen: 0, list: [] });
      this.one = (selector) => dialog.querySelector(selector);
      const cells = [...document.querySelectorAll("td[data-edits]")].filter((cell) => cell.dataset.edits in data.methods);
      for (const cell of cells) {
        cell.setAttribute("role", "button");
        cell.setAttribute("aria-haspopup", "dialog");
        const open = () => this.open(cell);
        cell.addEventListener("click", open);
        cell.addEventListener("keydown", (event) => {
          if (event.altKey || event.ctrlKey || event.metaKey) return;
          const to = event.key === "Enter" || event.key === " " ? cell : neighbour(cell, event.key);
          if (!to) return;
          event.preventDefault();
          if (to === cell) open();
          else to.focus();
        });
      }
      stopAtOne(cells);
      const sources = { inputs: "input", ...(data.truth ? { truth: "true edit" } : {}) };
      for (const [label, method] of Object.entries(data.methods)) sources[`method ${label}`] = method.title;
      for (const side of ["left", "right"]) {
        const select = this.one(`[name="${side}"]`);
        select.replaceChildren(...Object.entries(sources).map(([value, title]) => new Option(title, value)));
        select.addEventListener("change", () => this.compare());
      }
      this.one('[name="order"]').addEventListener("change", () => this.fill());
      const halves = this.one(".halves"), slider = this.one('input[type="range"]');
      const divide = () => halves.style.setProperty("--share", `${slider.value}%`);
      slider.addEventListener("input", divide);
      const drag = (event) => {
        const { left, width } = halves.getBoundingClientRect();
        slider.value = 100 * (event.clientX - left) / width;
        divide();
      };
      halves.addEventListener("pointerdown", (event) => {
        halves.setPointerCapture(event.pointerId);
        drag(event);
      });
      halves.addEventListener("pointermove", (event) => { if (halves.hasPointerCapture(event.pointerId)) drag(event); });
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    }

    async image(source) {
      if (!this.images.has(source)) {
        const image = new Image();
        image.src = source.startsWith("method ") ? this.data.methods[source.slice(7)].sprite : this.data[source];
        this.images.set(source, image.decode().then(() => image));
      }
      return this.images.get(source);
    }

    async paint(canvas, source, edit) {
      const { tile } = this.data, image = await this.image(source);
      const column = source === "inputs" ? 0 : edit % 7;
      canvas.width = canvas.height = tile;
      canvas.getContext("2d").drawImage(image, column * tile, Math.floor(edit / 7) * tile, tile, tile, 0, 0, tile, tile);
    }

    async open(cell) {
      const { edits: label, target, by } = cell.dataset, method = this.data.methods[label];
      this.label = label;
      this.by = method[by] ? by : "p";
      this.targets = target ? [Number(target)] : [0, 1, 2, 3, 4, 5, 6];
      const aim = target ? `edits towards ${this.emotions[target]}` : "edits towards all emotions";
      this.one("#edits-title").textContent = `${method.title}: ${aim}`;
      this.one('[name="left"]').value = "inputs";
      this.one('[name="right"]').value = `method ${label}`;
      dialog.showModal();
      await this.fill();
    }

    async fill() {
      const method = this.data.methods[this.label], { better, tell } = ORDERS[this.by];
      const values = method[this.by], sign = this.one('[name="order"]').value === "worst" ? better : -better;
      const all = values.map((_, edit) => edit).filter((edit) => this.targets.includes(edit % 7) && values[edit] !== null);
      const right = all.filter((edit) => method.seen[edit] === edit % 7).length;
      this.list = all.sort((a, b) => sign * (values[a] - values[b])).slice(0, 28);
      const shown = this.list.length < all.length ? `, of which ${this.list.length} are shown` : "";
      this.one("#edits-count").textContent = `Of the first ${this.data.labels.length} test images, ${all.length} edits${shown}; `
        + `the judge sees what was asked for in ${right}. In each card: input, edit${this.data.truth ? ", true edit" : ""}.`;
      this.one(".cards").replaceChildren(...this.list.map((edit) => this.card(edit, tell(values[edit]))));
      await this.choose(this.list[0]);
      dialog.dataset.ready = "true";
    }

    card(edit, words) {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.dataset.edit = edit;
      for (const source of ["inputs", `method ${this.label}`, ...(this.data.truth ? ["truth"] : [])]) {
        const canvas = document.createElement("canvas");
        this.paint(canvas, source, edit);
        button.append(canvas);
      }
      const seen = this.data.methods[this.label].seen[edit], verdict = document.createElement("span");
      verdict.textContent = `${this.emotions[this.data.labels[Math.floor(edit / 7)]]} to ${this.emotions[edit % 7]}: `
        + `seen as ${this.emotions[seen]}`;
      if (seen === edit % 7) verdict.className = "as-asked";
      const number = document.createElement("span");
      number.textContent = words;
      button.append(verdict, number);
      button.addEventListener("click", () => this.choose(edit));
      item.append(button);
      return item;
    }

    async choose(edit) {
      if (edit === undefined) return;
      this.chosen = edit;
      for (const button of dialog.querySelectorAll("[data-edit]")) {
        button.setAttribute("aria-pressed", Number(button.dataset.edit) === edit);
      }
      await this.compare();
    }

    async compare() {
      const lines = [];
      for (const side of ["left", "right"]) {
        const source = this.one(`[name="${side}"]`).value, canvas = this.one(`.${side}`);
        await this.paint(canvas, source, this.chosen);
        canvas.setAttribute("aria-label", this.one(`[name="${side}"]`).selectedOptions[0].text);
        if (!source.startsWith("method ")) continue;
        const line = document.createElement("p");
        line.textContent = this.words(source.slice(7));
        lines.push(line);
      }
      this.one(".what").replaceChildren(...lines);
    }

    words(label) {
      const method = this.data.methods[label], edit = this.chosen;
      const numbers = Object.keys(ORDERS).filter((by) => method[by] && method[by][edit] !== null);
      const told = numbers.map((by) => ORDERS[by].tell(method[by][edit]));
      return `${method.title}: the judge sees ${this.emotions[method.seen[edit]]}; ${told.join("; ")}.`;
    }
  }

  if (block) new Edits(...(({ emotions, edits }) => [edits, emotions])(JSON.parse(block.textContent)));
}
