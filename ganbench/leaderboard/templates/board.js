// A board: filters hide rows in tables, plot and cards alike, and the edits of any two rows stand side by side.
for (const board of document.querySelectorAll(".board")) {
  const one = (selector) => board.querySelector(selector);
  const cards = [...board.querySelectorAll("article[data-row]")], table = one("table.all");
  const wanted = (name) => one(`.choices [name="${name}"]`).value;

  function tied(column) {
    const rows = [...table.tBodies[0].rows].filter((row) => row.cells[column].classList.contains("best"));
    return new Set(rows.map((row) => row.dataset.row));
  }

  function filter() {
    const words = wanted("find").toLowerCase().split(/\s+/).filter(Boolean);
    const trained = one('.choices [name="trained"]'), kind = wanted("kind"), column = Number(wanted("tied"));
    const best = column ? tied(column) : null;
    const hidden = new Set();
    let shown = 0, count = 0;
    for (const card of cards) {
      const { row, kind: own, trained: data } = card.dataset, text = card.textContent.toLowerCase();
      if (own === "reference") continue;
      const fits = words.every((word) => text.includes(word)) && (!kind || kind === own)
        && (!trained.selectedIndex || trained.value === data) && (!best || best.has(row));
      if (!fits) hidden.add(row);
      shown += fits;
      count += 1;
    }
    for (const element of board.querySelectorAll("[data-row]")) element.classList.toggle("off", hidden.has(element.dataset.row));
    one("output").textContent = `${shown} of ${count} methods`;
  }

  for (const input of board.querySelectorAll(".choices :is(input, select)")) {
    if (!input.closest(".side-by-side")) input.addEventListener("input", filter);
  }
  filter();

  const faces = one(".side-by-side");
  if (faces) compare(faces);
}

// The pictures: a file has a row for each test image and a column for each emotion; the inputs have one column.
function compare(faces) {
  const files = new Map(), body = faces.querySelector("tbody");
  const select = (name) => faces.querySelector(`[name="${name}"]`);

  function file(path) {
    if (!files.has(path)) {
      const image = new Image();
      image.src = path;
      files.set(path, image.decode().then(() => image));
    }
    return files.get(path);
  }

  function cell(image, row, column, words) {
    const place = document.createElement("td"), canvas = document.createElement("canvas");
    const tile = image.height / select("image").length;
    canvas.width = canvas.height = tile;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words);
    canvas.getContext("2d").drawImage(image, column * tile, row * tile, tile, tile, 0, 0, tile, tile);
    place.append(canvas);
    return place;
  }

  async function draw() {
    const image = select("image").selectedIndex, heads = [...faces.querySelectorAll("thead th")].slice(2);
    const sources = ["first", "second"].map((name) => [select(name).selectedOptions[0].text, select(name).value]);
    if (faces.dataset.truth) sources.push(["True edits", faces.dataset.truth]);
    const inputs = faces.dataset.inputs ? await file(faces.dataset.inputs) : null;
    const rows = [];
    for (const [title, path] of sources) {
      const row = document.createElement("tr"), head = document.createElement("th"), edits = await file(path);
      head.scope = "row";
      head.textContent = title;
      row.append(head, inputs ? cell(inputs, image, 0, "input") : document.createElement("td"));
      heads.forEach((emotion, column) => row.append(cell(edits, image, column, `${title}: ${emotion.textContent}`)));
      rows.push(row);
    }
    body.replaceChildren(...rows);
    faces.dataset.drawn = [...sources.map(([title]) => title), image + 1].join(", ");
  }

  for (const name of ["first", "second", "image"]) select(name).addEventListener("change", draw);
  draw();
}
