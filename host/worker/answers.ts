// What a thread that runs a guest is answered with: it asks by a message and sleeps, the answer comes through shared memory
// that grows with it. Hooks answer this way, and disks that are read in the caller's thread.

// Cells of the header.
const STATE = 0;
const LENGTH = 1;
const HEADER_BYTES = 8;

/** States: nothing yet, an answer that is none, one in JSON, bytes. */
const EMPTY = 0;
const NOTHING = 1;
const JSON_TEXT = 2;
const BYTES = 3;

const START_BYTES = 4096;

/** Memory for answers, one after the other, of at most so many bytes. */
export function makeAnswers(most: number): SharedArrayBuffer {
  return new SharedArrayBuffer(START_BYTES, { maxByteLength: HEADER_BYTES + most });
}

/** The thread's end: what is answered to what `ask` asks. Bytes are lent until the next question. */
export function awaitAnswer(answers: SharedArrayBuffer, ask: () => void): unknown {
  const cells = new Int32Array(answers, 0, 2);
  Atomics.store(cells, STATE, EMPTY);
  ask();
  // The notification of the answer before may come as late as now.
  while (Atomics.load(cells, STATE) === EMPTY) Atomics.wait(cells, STATE, EMPTY);
  const state = Atomics.load(cells, STATE);
  if (state === NOTHING) return undefined;
  const bytes = new Uint8Array(answers, HEADER_BYTES, Atomics.load(cells, LENGTH));
  return state === BYTES ? bytes : JSON.parse(new TextDecoder().decode(bytes.slice()));
}

/** The caller's end: wakes the thread with `answer`. */
export function putAnswer(answers: SharedArrayBuffer, answer: Uint8Array | object | undefined): void {
  const cells = new Int32Array(answers, 0, 2);
  let state = NOTHING;
  if (answer !== undefined) {
    const isBytes = answer instanceof Uint8Array;
    const bytes = isBytes ? answer : new TextEncoder().encode(JSON.stringify(answer));
    const needed = HEADER_BYTES + bytes.length;
    makeRoom(answers, needed);
    new Uint8Array(answers, HEADER_BYTES).set(bytes);
    Atomics.store(cells, LENGTH, bytes.length);
    state = isBytes ? BYTES : JSON_TEXT;
  }
  Atomics.store(cells, STATE, state);
  Atomics.notify(cells, STATE);
}

/** Has `answers` be of `needed` bytes at least. The thread can have it grow too, at any time. */
function makeRoom(answers: SharedArrayBuffer, needed: number): void {
  try {
    if (needed > answers.byteLength) answers.grow(needed);
  } catch (error) {
    if (needed > answers.byteLength) throw error;
  }
}
