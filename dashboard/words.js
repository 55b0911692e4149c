// words.js: what the page says, by language.

const words = {
  en: {
    database: 'Database', fresh: 'New conversation', question: 'Your question', send: 'Ask', stop: 'Stop',
    login: 'Sign in', key: 'API key', keep: 'Keep it on this device', go: 'Continue',
    hint: 'Enter sends, Shift+Enter begins a new line, Esc stops.',
    analysis: 'Reading the question …', database_stage: 'Asking the database …', answer: 'Writing the answer …',
    stopping: 'askd is being restarted; this answer may still come …',
    working: 'Working …', stopped: 'Stopped.', lost: 'The connection to askd was lost. Please try again.',
    copy: 'Copy', copied: 'Copied', statement: 'SQL', rows: 'Rows: {n}', cut: 'There are more rows than are shown.',
    none: 'none', cost: 'Cost: {usd} $', free: 'cost unknown', tokens: '{n} tokens', shown: 'The first {n} rows are shown.',
    retry: 'Please try again in {n} s.', wrong_key: 'This API key is not known.',
  },
  de: {
    database: 'Datenbank', fresh: 'Neues Gespräch', question: 'Ihre Frage', send: 'Fragen', stop: 'Anhalten',
    login: 'Anmelden', key: 'API-Schlüssel', keep: 'Auf diesem Gerät behalten', go: 'Weiter',
    hint: 'Eingabe sendet, Umschalt+Eingabe beginnt eine neue Zeile, Esc hält an.',
    analysis: 'Ich lese die Frage …', database_stage: 'Ich frage die Datenbank …', answer: 'Ich schreibe die Antwort …',
    stopping: 'askd wird neu gestartet; diese Antwort kommt vielleicht noch …',
    working: 'Ich arbeite …', stopped: 'Angehalten.', lost: 'Die Verbindung zu askd ist abgerissen. Bitte versuchen Sie es noch einmal.',
    copy: 'Kopieren', copied: 'Kopiert', statement: 'SQL', rows: 'Zeilen: {n}', cut: 'Es gibt mehr Zeilen, als hier stehen.',
    none: 'leer', cost: 'Kosten: {usd} $', free: 'Kosten unbekannt', tokens: '{n} Token', shown: 'Die ersten {n} Zeilen werden gezeigt.',
    retry: 'Bitte versuchen Sie es in {n} s noch einmal.', wrong_key: 'Diesen API-Schlüssel gibt es nicht.',
  },
};

export const language = (navigator.languages || ['en']).map((l) => l.slice(0, 2)).find((l) => words[l]) || 'en';

export function say(word, values = {}) {
  return words[language][word].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
