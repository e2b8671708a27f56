// The common part of the checks' scripts: start a Pyodide with packages, and send events.
//
// Events are JSON lines on stdout, an object with one key each: {"started": true}, {"note": TEXT},
// {"out": TEXT} for a line that Python prints, after {"part": TEXT} for each earlier part of a long
// one; the scripts add others.

import fs from "node:fs";
import { resume, start } from "../runtime/start.mjs";

/** Send an event. */
export const send = (event) => fs.writeSync(1, JSON.stringify(event) + "\n");

/** The request, in the file that the command line names. */
export const request = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

/** The longest text of an event. A longer line comes in parts. */
const MAX_LENGTH = 100_000;

/** Return a stream of Python's that sends lines; the last one needs no end. */
function lineSender() {
  const decoder = new TextDecoder();
  let rest = "";
  /** Send all parts of a line but the last, and return that. */
  function sendParts(text) {
    let start = 0;
    for (; text.length - start > MAX_LENGTH; start += MAX_LENGTH) {
      send({ part: text.slice(start, start + MAX_LENGTH) });
    }
    return text.slice(start);
  }
  const print = (text) => send({ out: sendParts(text) });
  process.on("exit", () => rest && print(rest));
  return {
    write(bytes) {
      const lines = decoder.decode(bytes, { stream: true }).split("\n");
      lines[0] = rest + lines[0];
      rest = lines.pop();
      lines.forEach(print);
      rest = sendParts(rest);
      return bytes.length;
    },
  };
}

const options = {
  lockFileURL: request.lock,
  stdout: (text) => send({ out: text }),
  stderr: (text) => send({ out: text }),
};

async function startOrResume() {
  if (request.memory) {
    try {
      return await resume(request.runtime, fs.readFileSync(request.memory), options);
    } catch (error) {
      send({ note: `Could not use the memory snapshot; starting Pyodide without it: ${error}` });
    }
  }
  return await start(request.runtime, options);
}

/** Start the requested Pyodide, and load its packages. */
export async function load() {
  const pyodide = await startOrResume();
  pyodide.setStdout(lineSender());
  pyodide.setStderr(lineSender());
  send({ started: true });
  await pyodide.loadPackage(request.packages, {
    messageCallback: () => {},
    errorCallback: (text) => send({ note: text }),
  });
  return pyodide;
}
