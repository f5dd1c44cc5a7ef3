// Tables: a click on a heading sorts the rows, and a table with data-choose lets one choose its columns; those with
// data-later are not shown at first. Rows that do not compete (real images, true edits) stay where they are, unless
// the table has no others.
{
  const number = (cell) => parseFloat(cell.firstChild.textContent);

  function sort(table, heading) {
    const body = table.tBodies[0], column = heading.cellIndex, was = heading.getAttribute("aria-sort");
    const up = was !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...body.rows], competing = rows.filter((row) => !row.classList.contains("mark"));
    const moving = competing.length ? competing : rows;
    const sorted = [...moving].sort((a, b) => {
      if (!column) return (up ? 1 : -1) * a.cells[0].textContent.localeCompare(b.cells[0].textContent);
      const [x, y] = [number(a.cells[column]), number(b.cells[column])];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return (up ? 1 : -1) * (x - y);
    });
    body.replaceChildren(...rows.map((row) => moving.includes(row) ? sorted.shift() : row));
  }

  for (const table of document.querySelectorAll(".scroll > table")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.tabIndex = 0;
      heading.classList.add("sortable");
      heading.title = "Sort by this column";
      heading.addEventListener("click", () => sort(table, heading));
      heading.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort(table, heading);
      });
    }
  }

  for (const words of document.querySelectorAll(".alive")) words.hidden = false;

  for (const main of document.querySelectorAll("table[data-choose]")) {
    const details = document.createElement("details"), summary = document.createElement("summary");
    details.className = "columns";
    summary.textContent = "Choose columns";
    details.append(summary);
    for (const heading of [...main.tHead.rows[0].cells].slice(1)) {
      const label = document.createElement("label"), box = document.createElement("input");
      const show = () => {
        for (const row of main.rows) row.cells[heading.cellIndex].classList.toggle("off", !box.checked);
      };
      box.type = "checkbox";
      box.checked = !heading.hasAttribute("data-later");
      box.addEventListener("change", show);
      label.append(box, ` ${heading.textContent.trim()}`);
      details.append(label);
      show();
    }
    main.parentElement.before(details);
  }
}
