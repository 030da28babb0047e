// How a session in a worker asks hooks: no answer is taken before it is there.

import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { answerQuestion, makeQuestionLine } from "../../build/host/worker/questions.js";

const QUESTIONS = new URL("../../build/host/worker/questions.js", import.meta.url).href;

it("a notification that comes late, when the next question is asked, isn't taken for its answer", async () => {
  const line = makeQuestionLine(["onSetenv"]);
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(QUESTIONS)}).then(({ ThreadAsker }) => {
      const asker = new ThreadAsker(workerData, (message) => parentPort.postMessage(message));
      parentPort.postMessage({ answer: asker.ask("onSetenv", "name", "value") });
    });`;
  const worker = new Worker(program, { eval: true, workerData: line });
  const answer = new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", async (message) => {
      if ("answer" in message) return resolve(message.answer);
      // The worker sleeps by now; the state that it sleeps on is the first cell.
      await setTimeout(100);
      Atomics.notify(new Int32Array(line.answers, 0, 1), 0);
      await setTimeout(100);
      answerQuestion(line, { value: "right" });
    });
  });
  expect(await answer).toEqual({ value: "right" });
  await worker.terminate();
});
