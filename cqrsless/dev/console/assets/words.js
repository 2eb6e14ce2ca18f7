// Numbers, times and counts as people read them.

const whole = new Intl.NumberFormat("en");
const days = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export function number(value, places = 0) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(value.toFixed(places));
  return whole.format(rounded);
}

export function count(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** The time of day, to the millisecond. */
export function clock(iso) {
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function day(iso) {
  return days.format(new Date(iso));
}

/** Day and time in one line. */
export function moment(iso) {
  const at = new Date(iso);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** How long something is, in the two largest units: "2 d 3 h". */
export function span(seconds) {
  const left = Math.max(0, Math.round(seconds));
  const parts = [
    ["d", Math.floor(left / 86400)],
    ["h", Math.floor(left / 3600) % 24],
    ["min", Math.floor(left / 60) % 60],
    ["s", left % 60],
  ];
  const first = parts.findIndex(([, value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([, value]) => value > 0).map(([unit, value]) => `${value} ${unit}`).join(" ");
}

/** Bytes, as a person says them. */
export function bytes(size) {
  return size < 1024 ? `${size} B` : `${number(size / 1024, 1)} KB`;
}
