const { default: Environment } = require('@jupyterlab/testing/lib/jest-env');

/** JupyterLab's environment with the streams that a browser has and jsdom lacks. */
module.exports = class extends Environment {
  constructor(...args) {
    super(...args);
    Object.assign(this.global, { ReadableStream, TransformStream, TextDecoderStream });
    Object.assign(this.global, { TextDecoder, TextEncoder });
  }
};
