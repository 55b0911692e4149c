// page.js: the question box: asks, shows what happens meanwhile, and the answer.

import { answer, make, prose } from './view.js';
import { language, say } from './words.js';

const $ = (id) => document.getElementById(id);
const turns = $('turns');
let running = null; // AbortController of the question that runs

// ---- what is kept --------------------------------------------------------------------------------

function kept(name) {
  return sessionStorage.getItem(name) ?? localStorage.getItem(name);
}

function newSession() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const id = 'page-' + Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  sessionStorage.setItem('session', id);
  return id;
}

const session = () => sessionStorage.getItem('session') ?? newSession();

// ---- asking the server ---------------------------------------------------------------------------

class Refused extends Error {}

async function refused(reply) {
  const wait = Number(reply.headers.get('Retry-After'));
  let text = reply.statusText;
  try {
    text = (await reply.json()).error ?? text;
  } catch { /* the proxy's own page */ }
  return new Refused(wait > 0 ? `${text} ${say('retry', { n: wait })}` : text);
}

function login(wrong) {
  const dialog = $('login');
  $('key').value = '';
  $('login-title').textContent = wrong ? say('wrong_key') : say('login');
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener('close', () => {
      const key = $('key').value.trim();
      sessionStorage.removeItem('key');
      localStorage.removeItem('key');
      if (key) ($('keep').checked ? localStorage : sessionStorage).setItem('key', key);
      done(key);
    }, { once: true });
  });
}

// A request with the key; asks for one when the server wants it.
async function call(path, options = {}) {
  for (;;) {
    const key = kept('key');
    const headers = { ...options.headers, 'Accept-Language': language };
    if (key) headers.Authorization = `Bearer ${key}`;
    const reply = await fetch(path, { ...options, headers, cache: 'no-store', credentials: 'omit' });
    if (reply.status !== 401) {
      if (!reply.ok) throw await refused(reply);
      return reply;
    }
    const why = await refused(reply);
    if (!await login(Boolean(key))) throw why;
  }
}

// Calls on(event, data) for each event of a stream.
async function events(body, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split('\n');
      const event = lines.find((l) => l.startsWith('event: '))?.slice(7);
      const data = lines.filter((l) => l.startsWith('data: ')).map((l) => l.slice(6)).join('\n');
      if (event) on(event, JSON.parse(data));
    }
  }
}

// ---- one question --------------------------------------------------------------------------------

function addTurn(question) {
  const li = make('li');
  const said = make('div', 'said');
  li.append(make('div', 'asked', question), said);
  turns.append(li);
  li.scrollIntoView({ block: 'end' });
  return said;
}

function busy(controller) {
  running = controller;
  $('stop').hidden = !controller;
  $('send').hidden = Boolean(controller);
}

const stageWords = { analysis: 'analysis', database: 'database_stage', answer: 'answer' };

async function ask(question) {
  const text = question.trim();
  if (!text || running) return;
  const said = addTurn(text);
  const status = make('p', 'faint', say('working'));
  let draft = '', over = false, again = '';
  const end = (parts) => { over = true; said.replaceChildren(...parts); };
  said.append(status);
  busy(new AbortController());
  try {
    const reply = await call('/api/query', {
      method: 'POST',
      signal: running.signal,
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      body: JSON.stringify({ question: text, session_id: session(), database: $('database').value || null }),
    });
    if (reply.headers.get('Content-Type')?.startsWith('application/json')) {
      end(answer(await reply.json(), ask));
      return;
    }
    await events(reply.body, (event, data) => {
      if (event === 'stage') status.textContent = say(stageWords[data.stage] ?? 'working');
      else if (event === 'text' || event === 'replace') {
        draft = event === 'text' ? draft + data.text : data.text;
        said.replaceChildren(prose(draft), status);
      } else if (event === 'stopping') {
        status.textContent = say('stopping');
        again = ` ${say('retry', { n: data.retry_after })}`;
      } else if (event === 'result') end(answer(data, ask));
      else if (event === 'error') end([make('p', 'bad', data.error + again)]);
    });
    if (!over) throw new TypeError('the stream ended early');
  } catch (error) {
    const word = error.name === 'AbortError' ? say('stopped') : error instanceof Refused ? error.message : say('lost') + again;
    if (!over) end([...(draft ? [prose(draft)] : []), make('p', error.name === 'AbortError' ? 'faint' : 'bad', word)]);
  } finally {
    busy(null);
    said.scrollIntoView({ block: 'end' });
  }
}

// ---- the page ------------------------------------------------------------------------------------

async function loadDatabases() {
  const { databases } = await (await call('/api/tables')).json();
  const select = $('database');
  select.replaceChildren(...databases.map((name) => {
    const option = make('option', '', name);
    option.value = name;
    return option;
  }));
  if (databases.includes(kept('database'))) select.value = kept('database');
}

async function loadHistory() {
  if (!sessionStorage.getItem('session')) return;
  let past;
  try {
    past = await (await call(`/api/sessions/${encodeURIComponent(session())}/history`)).json();
  } catch (error) {
    if (error instanceof Refused) return; // nothing was asked in it yet
    throw error;
  }
  for (const turn of past.turns) addTurn(turn.question ?? '').append(...answer({ answer: turn.answer ?? '', sql: turn.sql }, ask));
}

function sendNow(event) {
  event.preventDefault();
  const box = $('question');
  if (running || !box.value.trim()) return;
  const text = box.value;
  box.value = '';
  box.rows = 1;
  ask(text);
}

function begin() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = say(element.dataset.word);
  const box = $('question');
  box.placeholder = say('question');
  $('note').textContent = say('hint');
  $('ask').addEventListener('submit', sendNow);
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) sendNow(event);
  });
  box.addEventListener('input', () => { box.rows = Math.min(8, box.value.split('\n').length); });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') running?.abort(); });
  $('stop').addEventListener('click', () => running?.abort());
  $('new').addEventListener('click', () => { running?.abort(); newSession(); turns.replaceChildren(); box.focus(); });
  $('database').addEventListener('change', () => localStorage.setItem('database', $('database').value));
  const question = new URLSearchParams(location.search).get('q');
  loadDatabases().then(loadHistory).then(() => {
    if (question) { box.value = question; box.rows = Math.min(8, question.split('\n').length); }
    box.focus();
  }).catch((error) => { $('note').textContent = error instanceof Refused ? error.message : say('lost'); });
}

begin();
