// Numbers, units and times as text. Pure: no DOM, no network.

/** Seconds from which a value is a point in time, not a duration: 31 years. */
const EPOCH_S = 1e9;

const DURATIONS = [
  [86400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
];

/** Round to three significant digits, without exponent for common sizes: "0.0123", "1.24", "182,731". */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (size >= 1000) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
  if (Number.isInteger(value)) return String(value);
  if (size !== 0 && size < 0.0001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A number of any size in at most five characters: "18.2 k", "3.1 M". */
export function short(value) {
  const size = Math.abs(value);
  const [limit, prefix] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]].find(([least]) => size >= least) ?? [1, ""];
  if (size < 10000) return number(value);
  return `${Number((value / limit).toPrecision(3))} ${prefix}`;
}

/** Seconds as [figure, unit] by magnitude: ["1.24", "s"], ["82", "ms"], ["310", "µs"], ["3 min 12", "s"]. */
export function durationParts(seconds) {
  if (seconds === null || seconds === undefined) return ["–", ""];
  const size = Math.abs(seconds);
  for (const [whole, unit, rest, restUnit] of DURATIONS) {
    if (size < whole) continue;
    const major = Math.floor(size / whole);
    const minor = Math.floor((size % whole) / rest);
    return minor === 0 ? [String(major), unit] : [`${major} ${unit} ${minor}`, restUnit];
  }
  if (size >= 1) return [Number(seconds.toPrecision(3)).toString(), "s"];
  if (size >= 1e-3) return [Number((seconds * 1e3).toPrecision(3)).toString(), "ms"];
  if (size === 0) return ["0", "s"];
  if (size >= 1e-6) return [Number((seconds * 1e6).toPrecision(3)).toString(), "µs"];
  return [Number((seconds * 1e9).toPrecision(3)).toString(), "ns"];
}

export function duration(seconds) {
  return durationParts(seconds).join(" ").trim();
}

/** Bytes as [figure, unit] in binary units. */
export function bytesParts(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let size = value;
  let index = 0;
  while (Math.abs(size) >= 1024 && index < units.length - 1) {
    size /= 1024;
    index += 1;
  }
  return [Number(size.toPrecision(3)).toString(), units[index]];
}

/** A value with its UCUM unit as [figure, unit], as people write it. */
export function valueParts(value, unit = "") {
  if (value === null || value === undefined) return ["–", ""];
  const per = unit.endsWith("/s") ? "/s" : "";
  const base = per ? unit.slice(0, -2) : unit;
  if (base === "s" && value > EPOCH_S) return [`${day(value)} ${clock(value)}`, ""];
  if (base === "s") return per ? [number(value), "s/s"] : durationParts(value);
  if (base === "ms" && !per) return durationParts(value / 1e3);
  if (base === "us" && !per) return durationParts(value / 1e6);
  if (base === "ns" && !per) return durationParts(value / 1e9);
  if (base === "By") {
    const [figure, name] = bytesParts(value);
    return [figure, name + per];
  }
  return [Math.abs(value) >= 1e6 ? short(value) : number(value), unitName(base, per)];
}

function unitName(base, per) {
  if (base === "1" || base === "") return per;
  return base.replace(/^\{(.*)\}$/, "$1") + per;
}

export function value(figure, unit) {
  return valueParts(figure, unit).join(" ").trim();
}

// Times are written here without Intl: its first use alone takes longer than the first draw of the page may.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function digits(figure, length = 2) {
  return String(figure).padStart(length, "0");
}

/** Local hour and minute: "14:02". */
export function minute(time) {
  const date = new Date(time * 1000);
  return `${digits(date.getHours())}:${digits(date.getMinutes())}`;
}

/** Local time of day: "14:02:11". */
export function clock(time) {
  return `${minute(time)}:${digits(new Date(time * 1000).getSeconds())}`;
}

/** Local day: "27 Nov". */
export function day(time) {
  const date = new Date(time * 1000);
  return `${digits(date.getDate())} ${MONTHS[date.getMonth()]}`;
}

/** Local time with milliseconds: "14:02:11.482". */
export function clockMs(time) {
  return `${clock(time)}.${digits(Math.floor((time - Math.floor(time)) * 1000), 3)}`;
}

/** Everything about a time, for a hover: local, its zone, and UTC. */
export function fullTime(time) {
  const date = new Date(time * 1000);
  const east = -date.getTimezoneOffset();
  const zone = `UTC${east < 0 ? "-" : "+"}${digits(Math.floor(Math.abs(east) / 60))}:${digits(Math.abs(east) % 60)}`;
  return `${day(time)} ${clockMs(time)} ${zone}, ${date.toISOString()}`;
}

/** Time since, by one unit: "now", "12 s", "5 min", "3 h", "2 d". */
export function since(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return "now";
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([least]) => seconds >= least);
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** "1 span", "3 spans". */
export function plural(count, word) {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** An attribute's value as text. */
export function attributeText(item) {
  return typeof item === "string" ? item : JSON.stringify(item);
}
