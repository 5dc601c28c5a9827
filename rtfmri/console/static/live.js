// The run as the charts of this page know it: one socket, tables of columns that only grow.
// Conventions: see ../feed.py for what a piece is. A value that is not there is NaN (numbers) or null (words).

const WORDS = new Set(["validity"]);
const RECONNECT_MS = [250, 500, 1000, 2000];

export const live = { run: null, about: {}, tables: {} };

const listeners = new Set();
let socket = null;
let tries = 0;

// `listener` is called after each piece with the names of the tables that grew; null: anything may have changed.
export function listen(listener) {
  listeners.add(listener);
  if (socket === null) connect();
}

export function column(table, name) {
  return live.tables[table]?.columns.get(name);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live`);
  socket.onmessage = (event) => {
    tries = 0;
    const piece = JSON.parse(event.data);
    apply(piece);
    const tables = piece.about ? null : Object.keys(piece.tables);
    listeners.forEach((listener) => listener(tables));
  };
  socket.onclose = () => {
    live.run = null; // the next piece is the whole run: the server does not know what this page has
    setTimeout(connect, RECONNECT_MS[Math.min(tries++, RECONNECT_MS.length - 1)]);
  };
}

function apply(piece) {
  if (piece.run !== live.run) live.tables = {};
  live.run = piece.run;
  if (piece.about) live.about = piece.about;
  for (const [name, part] of Object.entries(piece.tables)) {
    const table = (live.tables[name] ??= { length: 0, columns: new Map() });
    append(table, part);
  }
}

function append(table, part) {
  const added = part.length - part.first;
  for (const name of Object.keys(part.columns)) {
    if (!table.columns.has(name)) table.columns.set(name, Array(part.first).fill(nothing(name)));
  }
  for (const [name, values] of table.columns) {
    const coming = part.columns[name];
    for (let row = 0; row < added; row++) values.push(coming?.[row] ?? nothing(name));
  }
  table.length = part.length;
}

function nothing(name) {
  return WORDS.has(name) ? null : NaN;
}
