// Times as one person reads them: always in their own zone, never the browser's.

function format(date, tz, options) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: tz, ...options }).format(date);
}

export const DAY = { weekday: "long", day: "numeric", month: "long" };
export const timeOf = (date, tz) => format(date, tz, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const dayOf = (date, tz) => format(date, tz, DAY);
export const keyOf = (date, tz) => format(date, tz, { year: "numeric", month: "2-digit", day: "2-digit" });
export const longDay = (date, tz) =>
  format(date, tz, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
export const city = (tz) => tz.split("/").pop().replaceAll("_", " ");

function pretty(date, now, tz, otherwise) {
  const day = 86400000;
  for (const [days, word] of [[0, "today"], [-1, "yesterday"], [1, "tomorrow"]]) {
    if (keyOf(date, tz) === keyOf(new Date(now.getTime() + days * day), tz)) return word;
  }
  return otherwise;
}

function ago(date, now) {
  const seconds = Math.round((date - now) / 1000);
  const words = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit);
  }
  return words.format(seconds, "second");
}

/** Slack's <!date^…> formats; unknown tokens stay as they are. */
export function slackDate(seconds, pattern, now, tz) {
  const date = new Date(seconds * 1000);
  const long = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  const words = {
    date_num: () => format(date, tz, { year: "numeric", month: "2-digit", day: "2-digit" })
      .split("/").reverse().join("-"),
    date: () => format(date, tz, { day: "numeric", month: "long", year: "numeric" }),
    date_short: () => format(date, tz, { day: "numeric", month: "short", year: "numeric" }),
    date_long: () => format(date, tz, long),
    time: () => timeOf(date, tz),
    time_secs: () => format(date, tz, { timeStyle: "medium", hourCycle: "h23" }),
    ago: () => ago(date, now),
  };
  for (const name of ["date", "date_short", "date_long"]) {
    words[`${name}_pretty`] = () => pretty(date, now, tz, words[name]());
  }
  words.day_divider_pretty = words.date_long_pretty;
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => (words[name] ? words[name]() : whole));
}
