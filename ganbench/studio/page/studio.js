// The studio: what the user chooses becomes one edit at a time, and the newest choice is always the next one.

import { Plane } from "./plane.js";

const one = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

class Trouble extends Error {}

async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body === undefined ? {} : { method: "POST", body });
  } catch {
    throw new Trouble("The studio does not answer: it has ended, or the file is too large. Start it again with ganbench studio.");
  }
  if (!answer.ok) throw new Trouble((await answer.json()).error);
  return answer;
}

const askJson = async (path, body) => (await ask(path, body)).json();

function say(error) {
  if (error && !(error instanceof Trouble)) throw error;
  const text = error ? error.message : "";
  one("trouble").textContent = text && text[0].toUpperCase() + text.slice(1);
  one("trouble").hidden = !text;
}

const load = async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
};

class Studio {
  constructor(setup) {
    Object.assign(this, setup);
    this.method = setup.methods.find((one) => one.label === "gaussian") ?? setup.methods[0];
    this.emotion = "happy";
    this.intensity = 1;
    this.code = null;  // of the point, once it was moved; an emotion otherwise
    this.seed = 0;
    this.photo = null;
    this.face = 1;
    this.waiting = this.busy = this.comparing = false;
    this.round = this.opening = this.works = 0;
    this.plane = new Plane(setup.emotions, setup.colours, setup.side, (x, y) => {
      this.code = [x, y];
      this.changed();
    });
    this.fill();
    this.listen();
    this.split(0);
    this.showControls();
  }

  // -- the page ---------------------------------------------------------------------------------

  fill() {
    one("samples").append(...this.samples.map(({ name, rendered }, number) => {
      const title = rendered ? `Rendered test face ${name.match(/\d+/)[0]}` : name;
      const picture = make("img", { src: `samples/${number}`, alt: title });
      return make("button", { type: "button", title, onclick: () => this.openSample(number) }, picture);
    }));
    one("methods").append(...this.methods.map((method) => make(
      "button", { type: "button", textContent: method.title, onclick: () => this.choose(method) },
    )));
    this.names = [...new Set(this.methods.flatMap((method) => method.emotions))];
    one("emotions").append(...this.names.map((name) => {
      const dot = make("span", { className: "dot" });
      dot.style.setProperty("--colour", this.colours[name] ?? "var(--quiet)");
      return make("button", { type: "button", onclick: () => this.feel(name) }, dot, name);
    }));
    one("compare").textContent = `Compare all ${this.methods.length}`;
    one("compare").closest("section").hidden = this.methods.length < 2;
  }

  listen() {
    one("file").addEventListener("change", () => {
      if (one("file").files[0]) this.openFile(one("file").files[0]);
      one("file").value = "";  // the same file can be chosen again
    });
    for (const kind of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(kind, (event) => {
        event.preventDefault();
        document.body.classList.toggle("over", kind === "dragover");
        if (kind === "drop" && event.dataTransfer.files[0]) this.openFile(event.dataTransfer.files[0]);
      });
    }
    one("split").addEventListener("input", () => this.split(Number(one("split").value)));
    one("halves").addEventListener("pointermove", (event) => {
      if (event.buttons) this.splitAt(event);
    });
    one("halves").addEventListener("pointerdown", (event) => this.splitAt(event));
    one("intensity").addEventListener("input", () => {
      this.intensity = Number(one("intensity").value);
      this.code = null;
      this.changed();
    });
    one("seed").addEventListener("input", () => this.noise(one("seed").valueAsNumber));
    one("another").addEventListener("click", () => this.noise((this.seed + 1) % 2 ** 32));
    one("save").addEventListener("click", () => this.save());
    one("copy").addEventListener("click", () => this.copy());
    one("compare").addEventListener("click", () => {
      this.comparing = !this.comparing;
      this.showControls();
      if (!this.busy) this.compare();
    });
  }

  showControls() {
    const { method } = this, press = (buttons, chosen) => buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", chosen(k));
    });
    const emotions = [...one("emotions").querySelectorAll("button")];
    press([...one("methods").querySelectorAll("button")], (k) => this.methods[k] === method);
    press(emotions, (k) => !this.code && this.names[k] === this.emotion);
    emotions.forEach((button, k) => { button.disabled = !method.emotions.includes(this.names[k]); });
    one("intensity-row").hidden = !method.intensity;
    one("intensity-row").classList.toggle("idle", Boolean(this.code));  // it is the share of an emotion
    one("intensity").value = this.intensity;
    document.querySelector('output[for="intensity"]').textContent = this.intensity.toFixed(2);
    one("noise-row").hidden = !method.noise;
    one("plane-row").hidden = !method.plane;
    if (method.plane) this.plane.open(method.plane);
    one("compare").setAttribute("aria-pressed", this.comparing);
  }

  split(share) {
    one("split").value = share;
    one("halves").style.setProperty("--share", `${share}%`);
    one("halves").classList.toggle("open", share === 0 || share === 100);
  }

  splitAt(event) {
    const box = one("halves").getBoundingClientRect();
    this.split(Math.round(100 * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))));
  }

  // Say that a work begins (1) or has ended (-1); readers of the screen then wait for the last one.
  work(change) {
    this.works += change;
    one("main").setAttribute("aria-busy", this.works > 0);
  }

  // -- photographs ------------------------------------------------------------------------------

  openFile(file) {
    if (file.size > this.upload) {
      say(new Trouble(`${file.name} has ${Math.ceil(file.size / 1e6)} MB, and the studio takes ${Math.floor(this.upload / 1e6)} MB: make it smaller.`));
      return;
    }
    this.open(`open?tab=${this.tab}&name=${encodeURIComponent(file.name)}`, file, null);
  }

  openSample(number) {
    this.open(`sample?tab=${this.tab}&number=${number}`, "", number);
  }

  async open(path, body, sample) {
    const opening = ++this.opening;
    this.work(1);
    say(null);
    const about = one("about").textContent;
    one("about").textContent = "Looking for faces\u2026";
    one("whole").hidden = false;
    one("desk").setAttribute("aria-busy", "true");
    try {
      const photo = await askJson(path, body);
      const whole = await load(`photos/${photo.photo}`);
      if (opening !== this.opening) return;
      Object.assign(this, { photo, whole, sample, face: 1 });
      this.patch = null;
      this.showPhoto();
      if (photo.faces.length) await this.chooseFace(1);
      else say(new Trouble(`No face was found in ${photo.name}: choose a photograph of a face, seen from the front and not too small.`));
    } catch (error) {
      if (opening === this.opening) {
        say(error);
        one("about").textContent = about;  // the former photograph stays
        one("whole").hidden = !this.photo;
      }
    } finally {
      if (opening === this.opening) one("desk").removeAttribute("aria-busy");
      this.work(-1);
    }
  }

  showPhoto() {
    const { name, extent: [width, height], faces, remarks } = this.photo, canvas = one("whole").querySelector("canvas");
    [canvas.width, canvas.height] = [this.whole.naturalWidth, this.whole.naturalHeight];
    this.paintPhoto();
    one("boxes").replaceChildren(...faces.map(({ box: [left, top, right, bottom] }, k) => {
      const button = make("button", { type: "button", title: `Face ${k + 1} from the left`, onclick: () => this.chooseFace(k + 1) });
      if (faces.length > 1) button.textContent = k + 1;
      button.setAttribute("aria-label", button.title);
      const [x, y] = [Math.max(0, left), Math.max(0, top)];
      Object.assign(button.style, {
        left: `${100 * x / width}%`, top: `${100 * y / height}%`,
        width: `${100 * (Math.min(width, right) - x) / width}%`, height: `${100 * (Math.min(height, bottom) - y) / height}%`,
      });
      return button;
    }));
    const found = { 0: "no face", 1: "1 face" }[faces.length] ?? `${faces.length} faces: choose one in the picture`;
    one("about").textContent = [`${name}, ${width} \u00d7 ${height}: ${found}`, ...remarks].join("; ");
    one("desk").hidden = !faces.length;
    const saved = this.sample !== null && this.samples[this.sample].rendered;
    one("sample-help").hidden = !saved;
    if (saved) {
      const link = make("a", { href: `samples/${this.sample}`, download: name, textContent: `save ${name}` });
      one("sample-help").replaceChildren("This face lies in no file yet: first ", link, ".");
    }
  }

  // The photograph, with the edit in its place.
  paintPhoto() {
    const canvas = one("whole").querySelector("canvas"), context = canvas.getContext("2d");
    context.drawImage(this.whole, 0, 0);
    if (!this.patch) return;
    const [left, top, right, bottom] = this.photo.faces[this.face - 1].close, scale = canvas.width / this.photo.extent[0];
    context.drawImage(this.patch, left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  }

  async chooseFace(number) {
    this.face = number;
    this.patch = null;
    this.paintPhoto();
    [...one("boxes").children].forEach((button, k) => button.setAttribute("aria-pressed", k + 1 === number));
    const before = `photos/${this.photo.photo}/${number - 1}`;
    one("before").src = one("after").src = before;
    this.changed();
  }

  // -- choices ----------------------------------------------------------------------------------

  choose(method) {
    this.method = method;
    if (!method.plane) this.code = null;
    if (!method.emotions.includes(this.emotion)) this.emotion = method.emotions[0];
    this.changed();
  }

  feel(emotion) {
    Object.assign(this, { emotion, code: null, intensity: 1 });
    this.changed();
  }

  noise(seed) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) return;
    this.seed = seed;
    if (one("seed").valueAsNumber !== seed) one("seed").value = seed;
    this.changed();
  }

  // -- edits ------------------------------------------------------------------------------------

  wish(method = this.method) {
    const wish = { photo: this.photo.photo, face: this.face, method: method.label };
    if (method.noise) wish.seed = this.seed;
    if (method === this.method && this.code) wish.code = this.code.join(",");
    else {
      wish.emotion = method.emotions.includes(this.emotion) ? this.emotion : method.emotions[0];
      if (method.intensity && this.intensity < 1) wish.intensity = this.intensity;
    }
    return JSON.stringify(wish);
  }

  changed() {
    this.showControls();
    if (!this.photo?.faces.length) return;
    this.round++;  // a comparison that is under way shows what was chosen before
    this.edit();
  }

  // One edit is asked for at a time. What was chosen meanwhile is asked for next, and only the newest of it.
  async edit() {
    this.waiting = true;
    if (this.busy) return;
    this.busy = true;
    this.work(1);
    while (this.waiting) {
      this.waiting = false;
      const wish = this.wish(), began = performance.now(), { photo, face } = this;
      try {
        const answer = await askJson("edit", wish);
        const patch = await load(`data:image/jpeg;base64,${answer.image}`);
        if (photo === this.photo && face === this.face) this.show(answer, patch, performance.now() - began, wish);
      } catch (error) {
        if (!this.waiting) say(error);
      }
    }
    this.busy = false;
    this.compare();
    this.work(-1);
  }

  show(answer, patch, took, wish) {
    say(null);
    Object.assign(this, { patch, shown: wish, file: answer.file });
    one("after").src = patch.src;
    this.paintPhoto();
    one("said").textContent = `${this.method.title}: ${answer.said} (${Math.round(took)}\u00a0ms)`;
    one("command").textContent = answer.command;
    one("file-name").textContent = answer.file;
    if (answer.code && !this.code && this.method.plane) this.plane.show(...answer.code);
  }

  async compare() {
    const round = ++this.round;
    one("cards").hidden = !this.comparing;
    if (!this.comparing || !this.photo?.faces.length) return;
    if (one("cards").childElementCount !== this.methods.length) {
      one("cards").replaceChildren(...this.methods.map((method) => make("li", {}, make(
        "button", { type: "button", title: `Go on with ${method.title}`, onclick: () => this.choose(method) },
        make("img", { alt: method.title, src: one("before").src }), make("span", { textContent: method.title }),
      ))));
    }
    this.work(1);
    for (const [k, method] of this.methods.entries()) {
      try {
        const answer = await askJson("edit", this.wish(method));
        if (round !== this.round) break;  // the next edit starts the comparison again
        one("cards").children[k].querySelector("img").src = `data:image/jpeg;base64,${answer.image}`;
        one("cards").children[k].querySelector("span").textContent = `${method.title}: ${answer.said.split(";")[0]}`;
      } catch (error) {
        say(error);
      }
    }
    this.work(-1);
  }

  async save() {
    try {
      const { file } = this, blob = await (await ask("save", this.shown)).blob();
      const link = make("a", { href: URL.createObjectURL(blob), download: file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      say(error);
    }
  }

  async copy() {
    const code = one("command");
    try {
      await navigator.clipboard.writeText(code.textContent);
      one("copy").textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);  // the browser does not allow more
      one("copy").textContent = "Selected";
    }
    setTimeout(() => { one("copy").textContent = "Copy"; }, 2000);
  }
}

try {
  const setup = await askJson("setup");
  const studio = new Studio(setup);
  studio.openSample(0);
} catch (error) {
  say(error);
}
