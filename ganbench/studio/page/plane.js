// The conditional plane of a method: colours, names of the anchors, and a point that is moved by hand.

const STEP = 0.02, LEAP = 0.1;
// An anchor that is nearer to the centre has no direction.
const NO_DIRECTION = 0.1;

const largest = (p) => p.indexOf(Math.max(...p));

// The label distribution at a point: blended from the four nearest nodes where the method defines p_z. GANmut defines
// none; there the nearest direction has the share of the distance from the centre, and neutral the rest.
function distribution({ p, anchors }, side, x, y) {
  if (!p) {
    const length = Math.hypot(x, y), shares = anchors.map(() => 0);
    const turns = anchors.map(([u, v]) => Math.hypot(u, v) < NO_DIRECTION ? -2 : (u * x + v * y) / Math.hypot(u, v));
    shares[largest(turns)] = length;
    shares[0] += 1 - length;
    return shares;
  }
  const u = (x + 1) / 2 * (side - 1), v = (y + 1) / 2 * (side - 1);
  const i = Math.min(Math.floor(u), side - 2), j = Math.min(Math.floor(v), side - 2);
  const node = j * side + i, right = u - i, up = v - j;
  return p[node].map((share, c) => (1 - up) * ((1 - right) * share + right * p[node + 1][c])
    + up * ((1 - right) * p[node + side][c] + right * p[node + side + 1][c]));
}

// Colours are those of the figures: that of the likeliest emotion, paler where it is less likely.
function paint(canvas, plane, side, colours) {
  const size = canvas.width, context = canvas.getContext("2d"), pixels = context.createImageData(size, size);
  for (let py = 0; py < size; py++) {
    for (let px = 0; px < size; px++) {
      const x = 2 * (px + 0.5) / size - 1, y = 1 - 2 * (py + 0.5) / size;
      if (plane.disc && x * x + y * y > 1) continue;
      const p = distribution(plane, side, x, y), top = largest(p);
      const depth = 0.25 + 0.65 * Math.max(0, (p[top] - 1 / 7) / (6 / 7)), at = 4 * (py * size + px);
      for (let k = 0; k < 3; k++) pixels.data[at + k] = 255 - depth * (255 - colours[top][k]);
      pixels.data[at + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
}

function put(mark, x, y) {
  mark.style.left = `${50 * (x + 1)}%`;
  mark.style.top = `${50 * (1 - y)}%`;
}

export const signed = (value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "\u2212");

export class Plane {
  // `moved(x, y)` is called when the user moves the point.
  constructor(emotions, colours, side, moved) {
    Object.assign(this, { emotions, side, moved, x: 0, y: 0, plane: null, turning: false });
    this.colours = emotions.map((name) => [1, 3, 5].map((at) => parseInt(colours[name].slice(at, at + 2), 16)));
    this.map = document.getElementById("map");
    this.anchors = emotions.map((name) => {
      const mark = document.createElement("span");
      mark.className = "anchor";
      mark.textContent = name;
      mark.style.setProperty("--colour", colours[name]);
      return mark;
    });
    document.getElementById("anchors").replaceChildren(...this.anchors);
    this.map.addEventListener("keydown", (event) => this.press(event));
    this.map.addEventListener("pointerdown", (event) => {
      this.map.setPointerCapture(event.pointerId);
      this.drag(event);
    });
    this.map.addEventListener("pointermove", (event) => {
      if (this.map.hasPointerCapture(event.pointerId)) this.drag(event);
    });
    for (const name of ["theta", "rho"]) document.getElementById(name).addEventListener("input", () => this.turn());
  }

  // Show the plane of a method.
  open(plane) {
    if (plane === this.plane) return;
    this.plane = plane;
    this.map.classList.toggle("disc", plane.disc);
    this.anchors.forEach((mark, c) => put(mark, ...plane.anchors[c]));
    paint(this.map, plane, this.side, this.colours);
    document.getElementById("map-colours").textContent = plane.disc
      ? "Colours: the emotion of the nearest direction; paler is less intense."
      : "Colours: the emotion that a code most likely stands for (p_z); paler is less certain.";
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

  turn() {
    const angle = document.getElementById("theta").value * Math.PI / 180, rho = document.getElementById("rho").value;
    this.turning = true;
    this.move(rho * Math.cos(angle), rho * Math.sin(angle));
    this.turning = false;
  }

  move(x, y) {
    const far = Math.max(1, this.plane.disc ? Math.hypot(x, y) : 0);
    // Three decimals, towards the centre: the command tells the same code, and it stays in the plane.
    [x, y] = [x, y].map((part) => Math.trunc(1000 * Math.min(1, Math.max(-1, part / far)) + 1e-9 * Math.sign(part)) / 1000);
    this.show(x, y);
    this.moved(x, y);
  }

  // Show the point at a code.
  show(x, y) {
    [this.x, this.y] = [x, y];
    put(document.getElementById("point"), x, y);
    const rho = Math.hypot(x, y), theta = (Math.round(Math.atan2(y, x) * 180 / Math.PI) + 360) % 360;
    const [turn, distance] = ["theta", "rho"].map((name) => document.getElementById(name));
    // A slider that is being moved does not jump to what the rounded code makes of it.
    if (!this.turning) distance.value = rho;
    // At the centre every direction is as good as another.
    if (!this.turning && rho > 0.005) turn.value = theta;
    document.querySelector('output[for="theta"]').textContent = `${turn.value}\u00b0`;
    document.querySelector('output[for="rho"]').textContent = rho.toFixed(2);
    const p = distribution(this.plane, this.side, x, y);
    this.map.setAttribute("aria-valuenow", x.toFixed(2));
    this.map.setAttribute("aria-valuetext", `x ${signed(x)}, y ${signed(y)}; near ${this.emotions[largest(p)]}`);
  }
}
