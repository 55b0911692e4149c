// view.js: an answer as elements. Whatever came from outside goes through textContent only.

import { say } from './words.js';

const ROWS = 500;

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// The little of CommonMark that answers have: **strong**, `code`. All else stays as it is written.
export function prose(text) {
  const p = make('p');
  for (const part of String(text).split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/)) {
    if (part.length > 4 && part.startsWith('**') && part.endsWith('**')) p.append(make('strong', '', part.slice(2, -2)));
    else if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) p.append(make('code', '', part.slice(1, -1)));
    else p.append(document.createTextNode(part));
  }
  return p;
}

const numeric = (type) => /int|decimal|numeric|float|double|real|number/i.test(String(type));

function cell(value, type) {
  if (value === null) return make('td', 'none', say('none'));
  const td = make('td', numeric(type) || typeof value === 'number' ? 'number' : '',
    typeof value === 'object' ? JSON.stringify(value) : String(value));
  return td;
}

export function table(columns, types, rows) {
  const scroll = make('div', 'scroll');
  scroll.tabIndex = 0;
  const element = make('table');
  const head = element.createTHead().insertRow();
  columns.forEach((column, i) => {
    const th = make('th', numeric(types[i]) ? 'number' : '', column);
    th.scope = 'col';
    head.append(th);
  });
  const body = element.createTBody();
  for (const row of rows.slice(0, ROWS)) {
    const tr = body.insertRow();
    row.forEach((value, i) => tr.append(cell(value, types[i])));
  }
  scroll.append(element);
  return scroll;
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make('textarea', 'hidden', text); // without TLS there is no clipboard to write to
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  button.textContent = say('copied');
  button.addEventListener('blur', () => { button.textContent = say('copy'); }, { once: true });
}

export function statement(sql) {
  const details = make('details');
  details.append(make('summary', '', say('statement')));
  const button = make('button', '', say('copy'));
  button.type = 'button';
  button.addEventListener('click', () => copy(sql, button));
  const pre = make('pre', '', sql);
  const row = make('div', 'row');
  row.append(button);
  details.append(pre, row);
  return details;
}

function cost(object) {
  const parts = [];
  if (object.cost) {
    parts.push(say('cost', { usd: Number(object.cost.usd).toPrecision(3) }));
    parts.push(say('tokens', { n: object.cost.tokens }));
  } else {
    parts.push(say('free'));
  }
  return make('div', 'faint', parts.join(' · '));
}

// The whole answer; `ask` is called with the text of a choice or suggestion that was pressed.
export function answer(object, ask) {
  const parts = [];
  const text = object.answer ?? object.message;
  if (text) {
    const p = prose(text);
    if (object.kind === 'error') p.classList.add('bad');
    parts.push(p);
  }
  if (object.columns?.length) {
    parts.push(table(object.columns, object.types ?? [], object.data ?? []));
    const n = object.data?.length ?? 0;
    const notes = [say('rows', { n })];
    if (n > ROWS) notes.push(say('shown', { n: ROWS }));
    if (object.truncated) notes.push(say('cut'));
    parts.push(make('div', 'faint', notes.join(' · ')));
  }
  const offers = [...(object.choices ?? []), ...(object.suggestions ?? [])];
  if (offers.length) {
    const row = make('div', 'row');
    for (const offer of offers) {
      const button = make('button', '', offer);
      button.type = 'button';
      button.addEventListener('click', () => ask(String(offer)));
      row.append(button);
    }
    parts.push(row);
  }
  if (object.sql) parts.push(statement(object.sql));
  if (object.stages) parts.push(cost(object));
  return parts;
}
