// uPlot is a classic script: it is loaded when the first chart is drawn.

let loading = null;

/** Return the constructor of charts. */
export function loadPlot() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/uPlot.js";
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => {
      loading = null;
      reject(new Error("The chart library could not be loaded."));
    };
    document.head.append(script);
  });
  return loading;
}
