// The page of host/view/web: hears what page.py says (began, picture, now, course), draws it, and posts what the person wants.
// However often it hears, it draws once a frame at most; charts and tables only when what they show has come anew.
"use strict";

const $ = (selector) => document.querySelector(selector);
const token = $("meta[name=token]").content;
const STAGES = { load: "load", board: "board", uplink: "uplink", large: "large model", downlink: "downlink" };
const SUMS = { accepted: "board’s answers", forwarded: "PC’s answers", total: "all answers" };
const HEAT = [[10, 12, 30], [60, 24, 110], [150, 40, 120], [225, 90, 60], [250, 190, 70], [252, 250, 200]];  // as host/view/screen.py
const HOLD_MS = 1200;  // after the last touch of the slider, until it follows the boards again
const SETTLED = 20;  // samples before which a mean says nothing
const SPOKEN_MS = 15000;  // how often a screen reader hears how the session stands

const heard = { began: null, picture: null, now: null, course: null };
const fresh = new Set();  // what was heard since the last drawing
const SEEN = 500;  // ms that a sample must have been shown before anybody says whether it may leave
let touched = -Infinity, spoken = 0, asked = null;

/* ---------- words ---------- */

const percent = (share, digits = 1) => share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
const score = (code) => (code / heard.began.one).toFixed(4);  // a gate may turn on the fourth digit
const className = (index) => heard.began.classes[index] ?? "–";
const count = (number) => number.toLocaleString("en");

function time(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

const short = (ms) => ms.toFixed(ms < 10 ? 1 : 0);

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function notice(text) {
  say($("#notice"), text);
  $("#notice").hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => { $("#notice").hidden = true; }, 4000);
}

/* ---------- hearing and posting ---------- */

function listen() {
  const source = new EventSource("/events");
  source.onopen = () => badge("live", "live");
  for (const part of Object.keys(heard)) {
    source.addEventListener(part, (event) => {
      heard[part] = JSON.parse(event.data);
      if (!fresh.size) requestAnimationFrame(draw);
      fresh.add(part);
    });
  }
  source.onerror = () => {
    if (heard.now?.end) { source.close(); return; }  // the session is over, and its server may be gone
    badge("bad", "connection lost, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

function badge(kind, text) {
  $("#state").className = `badge ${kind}`;
  say($("#state"), text);
}

async function post(path, values) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Demur-Token": token }, body: JSON.stringify(values) });
    if (!answer.ok) notice(await answer.text());
  } catch {
    notice("The bridge does not answer.");
  }
}

/* ---------- drawing ---------- */

function draw() {
  const parts = new Set(fresh);
  fresh.clear();
  if (!heard.began || !heard.now) return;
  if (parts.has("began")) drawSession();
  if (parts.has("picture")) drawPicture($("#picture"), heard.picture, true);
  drawNow();
  if (parts.has("course") || parts.has("began")) drawCharts();
  drawPoint();
}

function drawSession() {
  const { name, source, large, classes } = heard.began;
  say($("#session"), `${name}  ·  ${source}  ·  ${classes.length} classes  ·  large model: ${large}`);
  document.title = `Demur: ${name}`;
  const slider = $("#threshold"), last = positions().length - 1;
  slider.max = last;
  slider.disabled = last < 1 || !heard.began.steers;
}

function drawNow() {
  const { now, began } = heard, { total, window: last } = now;
  say($("#progress"), `${count(total.samples)}${began.samples ? ` of ${count(began.samples)}` : ""} samples${now.rate === null ? "" : `  ·  ${now.rate.toFixed(1)}/s`}`);
  if (now.end) badge("", now.end);
  else if ($("#state").classList.contains("live") && now.boards.some((board) => board.link === "down" || board.link === "gone")) badge("bad", "a link is down");
  else if (!now.boards.some((board) => board.link === "down" || board.link === "gone") && $("#state").textContent === "a link is down") badge("live", "live");

  const all = (share) => `last ${Math.min(began.window, total.samples)}  ·  all ${percent(share)}`;
  tile("coverage", percent(last.coverage), all(total.coverage));
  tile("base", percent(last.base), last.base === null ? "no labels" : all(total.base));
  tile("hybrid", percent(last.hybrid), last.hybrid === null ? "no labels" : all(total.hybrid));
  drawSample();
  drawBoards();
  if (performance.now() - spoken > SPOKEN_MS && total.samples) {
    spoken = performance.now();
    say($("#spoken"), `${total.samples} samples, ${percent(total.coverage, 0)} answered on the board, accuracy with the PC ${percent(total.hybrid)}`);
  }
}

function tile(kind, text, fine) {
  say($(`.tile.${kind} p`), text);
  say($(`.tile.${kind} small`), fine);
}

function verdict(sample) {
  // What has become of it, and whose colour that has.
  if (sample.stage === "asking") return ["May it leave the board?", "asking"];
  if (sample.stage === "sent") return [sample.only_there ? "The board takes one of its own" : "On its way to the board", ""];
  if (sample.lost) return ["Lost", "lost"];
  if (sample.accepted) return ["Answered on the board", "board"];
  if (sample.source === "withheld") return ["Kept on the board", "board"];
  if (sample.source === "fallback") return ["Fell back on the board", "board"];
  return [sample.stage === "ended" ? "Asked the PC" : "Asking the PC", "large"];
}

function drawSample() {
  const sample = heard.now.featured, ask = heard.now.asking[0] ?? null;
  if (!sample) return;
  const [text, kind] = verdict(sample), known = sample.label !== null;
  say($("#verdict span"), text);
  if (!ask) say($("#verdict small"), sample.lost ?? (sample.milliseconds === null ? "" : time(sample.milliseconds)));
  $("#stage").className = kind;
  const drawn = heard.picture?.number === sample.number;
  $("#picture").hidden = !drawn;
  $("#unseen").hidden = drawn || !sample.only_there || sample.stage === "sent";
  const caption = $("#caption");
  const words = [`sample ${sample.sample}${sample.name ? `, ${sample.name}` : ""}${heard.now.boards.length > 1 ? `, ${sample.port}` : ""}`, known ? `label ${className(sample.label)}` : "label unknown"];
  if (caption.dataset.words !== words.join()) {
    caption.dataset.words = words.join();
    caption.replaceChildren(...words.map((word, index) => element(index ? "b" : "span", word)));
    $("#picture").setAttribute("aria-label", words.join(", "));
  }

  const decided = sample.board_class !== null, least = sample.threshold ?? heard.now.boards.find((board) => board.port === sample.port)?.threshold ?? heard.now.threshold;
  answer($("#board"), sample, decided ? sample.board_class : null, sample.lost ? "lost" : "thinking", ["board", "fallback", "withheld"].includes(sample.source), decided ? sample.score / heard.began.one : 0);
  $("#board").classList.toggle("over", sample.source === "host" && sample.large_class !== sample.board_class);
  $("#board .meter b").hidden = false;
  $("#board .meter b").style.left = `${100 * Math.min(1, least / heard.began.one)}%`;
  say($("#board .fine"), decided ? `${sample.accepted ? "sure" : "unsure"}: ${score(sample.score)} ${sample.accepted ? "≥" : "<"} ${score(least)}` : "\u00a0");

  const replied = sample.large_class !== null, silence = sample.stage === "asking" ? "" : sample.accepted ? "not asked" : sample.source === "withheld" ? "not allowed" : sample.stage === "ended" ? "no answer" : decided ? "asking" : "";
  answer($("#large"), sample, replied ? sample.large_class : null, silence, sample.source === "host", sample.source === "host" ? sample.probability : 0);
  say($("#large .fine"), sample.source === "host" ? `probability ${sample.probability.toFixed(3)}` : replied ? "came too late" : sample.no_answer ?? "\u00a0");

  $("#consent").hidden = !ask || !heard.began.steers;
  if (ask) {
    if (!asked || asked.port !== ask.port || asked.sample !== ask.sample) asked = { ...ask, end: performance.now() + 1000 * ask.left, since: performance.now(), sent: false };
    countDown();
  } else {
    asked = null;
  }
}

function answer(card, sample, said, silence, stands, sure) {
  const text = said === null ? silence : className(said).replaceAll("_", " ");
  say(card.querySelector(".said"), text);
  const words = text.split(/[ _]/);
  card.querySelector(".said").style.setProperty("--length", Math.max(1, ...words.map((word) => word.length)));
  card.querySelector(".said").classList.toggle("words", words.length > 1);
  card.classList.toggle("silent", said === null);
  card.classList.toggle("stands", stands);
  const mark = card.querySelector(".mark"), right = said === sample.label;
  say(mark, said === null || sample.label === null ? "" : right ? "✓ right" : "✗ wrong");
  mark.className = `mark ${right ? "right" : "wrong"}`;
  const meter = card.querySelector(".meter");
  meter.querySelector("i").style.width = `${100 * sure}%`;
  meter.setAttribute("aria-label", `${(100 * sure).toFixed(0)} per cent sure`);
}

function countDown() {
  if (!asked) return;
  const left = Math.max(0, Math.ceil((asked.end - performance.now()) / 1000)), more = heard.now.asking.length - 1;
  say($("#verdict small"), `${left} s left${more ? `, ${more} more` : ""}`);
}

function consent(granted) {
  if (!asked || asked.sent || !heard.began.steers || performance.now() - asked.since < SEEN) return;
  asked.sent = true;
  post("/consent", { port: asked.port, sample: asked.sample, granted });
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

/* ---------- pictures ---------- */

function drawPicture(canvas, picture, large) {
  if (!picture) return;
  const bytes = Uint8Array.from(atob(picture.levels), (letter) => letter.charCodeAt(0));
  const { width, height, channels, kind } = picture;
  if (kind === "trace") return drawTrace(canvas, picture, bytes, large);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const colour = kind === "spectrogram" ? heat(bytes[at]) : channels === 3 ? bytes.subarray(3 * at, 3 * at + 3) : [bytes[at], bytes[at], bytes[at]];
    image.data.set(colour, 4 * at);
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  if (large) fit(canvas, picture);
}

function fit(canvas, picture) {
  // Images in whole pixels of the screen, sequences over all the room.
  const frame = $("#frame").getBoundingClientRect(), ratio = window.devicePixelRatio;
  if (picture.kind !== "image") {
    canvas.style.width = "100%";
    canvas.style.height = "100%";
    return;
  }
  const most = Math.min(frame.width / picture.width, frame.height / picture.height) * ratio, factor = (most >= 1 ? Math.floor(most) : most) / ratio;
  canvas.style.width = `${picture.width * factor}px`;
  canvas.style.height = `${picture.height * factor}px`;
}

function heat(level) {
  const at = level / 255 * (HEAT.length - 1), low = Math.min(HEAT.length - 2, Math.floor(at)), part = at - low;
  return HEAT[low].map((value, channel) => value + part * (HEAT[low + 1][channel] - value));
}

function drawTrace(canvas, { width, height }, bytes, large) {
  const ratio = window.devicePixelRatio, frame = large ? $("#frame").getBoundingClientRect() : { width: 48, height: 48 };
  canvas.width = frame.width * ratio;
  canvas.height = frame.height * ratio;
  if (large) canvas.style.width = canvas.style.height = "100%";
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement), edge = 4 * ratio;
  const colours = ["--board", "--large", "--hybrid", "--ink", "--soft"].map((name) => { context.strokeStyle = "#888"; return resolved(style, name); });
  context.lineWidth = (large ? 2.5 : 1.2) * ratio;
  context.lineJoin = "round";
  for (let row = 0; row < height; row++) {
    context.strokeStyle = colours[row % colours.length];
    context.beginPath();
    for (let step = 0; step < width; step++) {
      context.lineTo(edge + (canvas.width - 2 * edge) * (width > 1 ? step / (width - 1) : .5), edge + (canvas.height - 2 * edge) * (1 - bytes[row * width + step] / 255));
    }
    context.stroke();
  }
}

function resolved(style, name) {
  // A custom property is light-dark(...) to a script; a colour that uses it is not.
  const probe = $("#verdict");
  const before = probe.style.color;
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.style.color = before;
  return colour;
}

/* ---------- charts ---------- */

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function canvasOf(id) {
  // An empty chart of the size that it has on the page, in pixels, and a rem in pixels.
  const chart = $(id), box = chart.getBoundingClientRect();
  chart.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  chart.replaceChildren();
  return [chart, box.width, box.height, parseFloat(getComputedStyle(document.documentElement).fontSize)];
}

function drawCharts() {
  if (!heard.course || !heard.began) return;
  drawCourse();
  drawSplit();
  drawCurve();
  drawStages();
  drawStrip();
}

function drawCourse() {
  const late = heard.course.marks.filter((mark) => mark[0] >= SETTLED), marks = late.length > 20 ? late : heard.course.marks, [chart, width, height, rem] = canvasOf("#coursechart");
  const right = 9.6 * rem, left = 2.6 * rem, end = width - right;
  const first = marks.length ? marks[0][0] : 0, last = marks.length ? Math.max(marks.at(-1)[0], first + 1) : 1;
  say($("#courseof"), `% of the last ${heard.began.window}, over samples ${count(first)} to ${count(last)}`);
  const x = (samples) => left + (end - left) * (samples - first) / (last - first);
  const accuracies = marks.flatMap((mark) => [mark[2], mark[3]]).filter((value) => value !== null);
  const labelled = accuracies.length > 0, floor = labelled ? Math.min(.9, Math.floor(Math.min(...accuracies) * 10) / 10) : 0;
  const split = labelled ? height * .53 : 0, bottom = height - .4 * rem, gap = labelled ? 1.2 * rem : 0;
  const labels = [];
  const band = (top, low, from, ticks, lines) => {
    const y = (share) => low - (low - top) * (Math.max(from, share) - from) / (1 - from);
    for (const tick of ticks) {
      chart.append(svg("line", { class: "grid", x1: left, x2: end, y1: y(tick), y2: y(tick) }));
      chart.append(svg("text", { x: left - .5 * rem, y: y(tick) + .28 * rem, "text-anchor": "end" }, (100 * tick).toFixed(0)));
    }
    const placed = [];
    for (const [column, colour, name, filled] of lines) {
      const points = marks.filter((mark) => mark[column] !== null).map((mark) => `${x(mark[0]).toFixed(1)},${y(mark[column]).toFixed(1)}`);
      if (!points.length) continue;
      if (filled) chart.append(svg("polygon", { class: "area", points: `${x(first)},${low} ${points.join(" ")} ${x(last)},${low}` }));
      chart.append(svg("polyline", { class: `stroke c-${colour}`, points: points.join(" ") }));
      const value = marks.at(-1)[column];
      if (value !== null) placed.push({ y: y(value), colour, text: `${name} ${(100 * value).toFixed(0)} %` });
    }
    placed.sort((a, b) => a.y - b.y);
    placed.forEach((label, index) => { if (index) label.y = Math.max(label.y, placed[index - 1].y + 1.1 * rem); });
    labels.push(...placed);
  };
  if (labelled) band(.45 * rem, split, floor, [floor, (1 + floor) / 2, 1], [[2, "board", "board alone"], [3, "hybrid", "with the PC"]]);
  band(split + gap + .45 * rem * !labelled, bottom, 0, [0, 1], [[1, "board", "coverage", true]]);
  for (const { y, colour, text } of labels) chart.append(svg("text", { class: `t-${colour}`, x: end + .5 * rem, y: y + .28 * rem }, text));
  chart.setAttribute("aria-label", `Course over ${count(last)} samples. ${labels.map((label) => label.text).join(", ")}.`);
}

function drawSplit() {
  const [chart, width, height, rem] = canvasOf("#splitchart"), split = heard.course.split;
  say($("#clock"), heard.now.emulated ? "emulated boards" : "board: by its cycle counter");
  const rows = [["board", "answered on the board"], ["host", "asked the PC"]].filter(([source]) => split[source]);
  const sums = Object.fromEntries(rows.map(([source]) => [source, Object.entries(split[source]).reduce((sum, [part, mean]) => sum + (part === "waiting" ? 0 : mean), 0)]));
  const most = Math.max(...Object.values(sums), 1e-9), words = [];
  rows.forEach(([source, name], index) => {
    const top = index * height / 2, high = height / 2 - 1.55 * rem, scale = width / most;
    const waiting = split[source].waiting, text = waiting ? `${time(sums[source])} + ${time(waiting)} waiting` : `${time(sums[source])} on average`;
    chart.append(svg("text", { class: source === "board" ? "t-board" : "t-ink", x: 0, y: top + .95 * rem }, name));
    chart.append(svg("text", { x: width, y: top + .95 * rem, "text-anchor": "end" }, text));
    let x = 0;
    for (const [part, mean] of Object.entries(split[source])) {
      if (part === "waiting") continue;
      const bar = svg("rect", { class: `f-${part in STAGES ? part : "other"}`, x, y: top + 1.3 * rem, width: Math.max(0, mean * scale - 1), height: high, rx: 2 });
      bar.append(svg("title", {}, `${STAGES[part] ?? part}: ${time(mean)}`));
      chart.append(bar);
      x += mean * scale;
      words.push(`${name}, ${part}: ${time(mean)}`);
    }
  });
  chart.setAttribute("aria-label", `Mean time by stage. ${words.join("; ")}.`);
}

function drawStages() {
  const rows = Object.entries(heard.course.latency);
  let summed = false;
  $("#stages").replaceChildren(...rows.map(([stage, of]) => {
    const row = element("tr"), head = element("th");
    head.scope = "row";
    if (!(stage in SUMS)) head.append(element("i", undefined, `f-${stage in STAGES ? stage : "other"}`));
    head.append(STAGES[stage] ?? SUMS[stage] ?? stage);
    row.append(head, ...of.map((value) => element("td", value >= 1000 ? value.toFixed(0) : value.toFixed(2))));
    if (stage in SUMS) row.className = summed ? "sum" : "sum first";
    summed ||= stage in SUMS;
    return row;
  }));
  const total = heard.course.latency.total;
  if (total) tile("time", time(total[0]), total[2] < 1000 ? `p95 ${short(total[1])}  ·  p99 ${short(total[2])} ms` : `p95 ${time(total[1])}  ·  p99 ${time(total[2])}`);
  say($(".tile.time h3"), heard.now.emulated ? "Median, emulated" : "Median time");
}

function drawStrip() {
  const key = heard.course.abstained.map((sample) => sample.number).join();
  if (drawStrip.key === key) return;
  drawStrip.key = key;
  $("#strip").className = Math.max(...heard.began.classes.map((name) => name.length)) > 2 ? "long" : "";
  $("#strip").replaceChildren(...heard.course.abstained.map((sample) => {
    const item = element("li", undefined, sample.lost ? "lost" : sample.source ?? ""), canvas = element("canvas");
    const from = sample.board_class === null ? "?" : className(sample.board_class);
    const to = sample.large_class === null ? null : className(sample.large_class), long = $("#strip").className === "long";
    const text = sample.lost ? "lost" : sample.source !== "host" ? (long ? from : `${from}, own`) : long && from === to ? to : `${from} → ${to}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `sample ${sample.sample}`);
    drawPicture(canvas, sample.picture, false);
    item.append(canvas, element("div", text));
    item.title = `sample ${sample.sample}${sample.lost ? `: ${sample.lost}` : ""}`;
    return item;
  }));
}

/* ---------- the operating point ---------- */

function positions() {
  // Thresholds in the order of the slider, from nothing to everything answered on the board: [threshold, coverage, risk].
  const { curve, nothing } = heard.began;
  if (curve.length) return [...curve].reverse();
  return Array.from({ length: 101 }, (_, index) => [Math.round((1 - index / 100) * nothing), null, null]);
}

function curveScale() {
  const [chart, width, height, rem] = [$("#curvechart"), ...drawCurve.size];
  const risks = heard.began.curve.map((point) => point[2]), since = heard.now.since, seen = since.samples >= SETTLED && since.risk !== null ? since.risk : 0;
  const step = [.01, .02, .05, .1, .2, .5].find((each) => Math.max(...risks, seen, .01) <= 4 * each) ?? .5;
  const top = Math.max(step, Math.ceil(Math.max(...risks, seen) / step - 1e-9) * step), left = 2.6 * rem;
  return { chart, width, height, rem, step, top, left, bottom: height - 2.2 * rem,
    x: (coverage) => left + (width - left - .7 * rem) * coverage, y: (risk) => height - 2.2 * rem - (height - 3 * rem) * Math.min(risk, top) / top };
}

function drawCurve() {
  const [chart, width, height, rem] = canvasOf("#curvechart");
  drawCurve.size = [width, height, rem];
  if (!heard.began.curve.length) {
    chart.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "no curve comes with this model"));
    return;
  }
  const { x, y, step, top, left } = curveScale();
  for (let risk = 0; risk <= top + 1e-9; risk += step) {
    chart.append(svg("line", { class: "grid", x1: left, x2: x(1), y1: y(risk), y2: y(risk) }));
    chart.append(svg("text", { x: left - .5 * rem, y: y(risk) + .28 * rem, "text-anchor": "end" }, +(100 * risk).toFixed(1)));
  }
  for (const coverage of [0, .25, .5, .75, 1]) chart.append(svg("text", { x: x(coverage), y: y(0) + 1.05 * rem, "text-anchor": coverage === 1 ? "end" : "middle" }, `${100 * coverage}`));
  chart.append(svg("text", { x: x(1), y: height - .15 * rem, "text-anchor": "end" }, "answered on the board, %"));
  const points = heard.began.curve.filter((point) => point[1] > 0).map((point) => `${x(point[1]).toFixed(1)},${y(point[2]).toFixed(1)}`);
  chart.append(svg("polygon", { class: "area", points: `${x(1)},${y(0)} ${points.join(" ")} ${points.at(-1).split(",")[0]},${y(0)}` }));
  chart.append(svg("polyline", { class: "stroke c-board", points: points.join(" ") }));
  const now = svg("circle", { class: "point", r: .55 * rem, id: "point" }), since = svg("circle", { class: "since", r: .75 * rem, id: "since" });
  since.append(svg("title", {}, "measured since the threshold was moved"));
  chart.append(since, now);
  drawPoint();
}

function drawPoint() {
  const { began, now } = heard, held = performance.now() - touched < HOLD_MS, slider = $("#threshold"), all = positions();
  if (!held) {
    let nearest = 0;
    all.forEach(([threshold], index) => { if (Math.abs(threshold - now.threshold) < Math.abs(all[nearest][0] - now.threshold)) nearest = index; });
    if (+slider.value !== nearest) slider.value = nearest;
  }
  const [threshold, coverage, risk] = held ? all[slider.value] : [now.threshold, now.point?.coverage ?? null, now.point?.risk ?? null];
  const promise = coverage === null ? "" : `covers ${percent(coverage, 0)}, ${percent(risk)} wrong`;
  const said = threshold > began.one ? "above every score" : score(threshold);
  say($("#level"), said);
  say($("#promise"), promise);
  if (slider.ariaValueText !== `${said}: ${promise}`) slider.ariaValueText = `${said}: ${promise}`;
  if (!began.curve.length || !$("#point")) return;
  const { x, y } = curveScale(), since = now.since;
  $("#point").style.transform = `translate(${x(coverage)}px, ${y(risk)}px)`;
  const measured = since.samples >= SETTLED && since.risk !== null;
  $("#since").style.display = measured ? "" : "none";
  if (measured) $("#since").style.transform = `translate(${x(since.coverage)}px, ${y(since.risk)}px)`;
  $("#curvechart").setAttribute("aria-label", `Selective risk over coverage; threshold ${said}: ${promise}${measured ? `; measured: ${percent(since.coverage, 0)} on the board, ${percent(since.risk)} of them wrong` : ""}`);
}

let posting = false, wanted = null;
async function move(threshold) {
  // One request at a time; of the positions in between only the last is asked for.
  wanted = threshold;
  if (posting) return;
  posting = true;
  while (wanted !== null) {
    const next = wanted;
    wanted = null;
    await post("/threshold", { threshold: next });
  }
  posting = false;
}

/* ---------- boards ---------- */

function drawBoards() {
  const boards = heard.now.boards, many = boards.length > 2, list = $("#boards ul");
  const shared = many ? sharedLength(boards.map((board) => board.port)) : 0;
  while (list.children.length > boards.length) list.lastChild.remove();
  boards.forEach((board, index) => {
    if (!list.children[index]) list.append(element("li"));
    const item = list.children[index], health = board.health, tally = board.tally;
    const who = many || !board.name ? board.port.slice(shared) : `${board.name}${boards.length > 1 ? `, ${board.port}` : ""}`;
    const state = board.link === "up" ? "up" : board.link === "opening" ? "opening" : `${board.link}: ${board.detail}`;
    const facts = [`${count(tally.samples)}${tally.lost ? `, ${tally.lost} lost` : " samples"}`, many ? percent(tally.coverage, 0) : `coverage ${percent(tally.coverage, 0)}`];
    if (health && !many && health.round_trip !== null) facts.push(`round trip ${time(1000 * health.round_trip)}`);
    if (health && !many) facts.push(`frames: ${count(health.damaged)} damaged, ${count(health.repeated)} repeated`);
    if (health?.reconnected) facts.push(`reconnected ${health.reconnected} ×`);
    const about = board.name ? `${board.name}, engine ${board.engine}, ${board.firmware}, ${board.megahertz} MHz${board.emulated ? "; emulated: counts instructions, its clock is a model" : ""}` : "";
    if (!many) facts.push(...about.slice(about.indexOf(",") + 2).split("; ").reverse());
    else if (board.emulated && !boards.every((each) => each.emulated)) facts.push("emulated");
    const key = [who, state, ...facts].join("|");
    if (item.dataset.key === key) return;
    item.dataset.key = key;
    item.title = health ? `${about}; ${count(health.frames_received)} frames received, ${health.damaged} damaged, ${health.repeated} repeated, ${health.reconnected} times connected again` : about;
    item.replaceChildren(element("b", who), element("span", state, `link ${board.link}`), element("span", facts.join("  ·  ")));
  });
}

function sharedLength(ports) {
  // Of what all ports begin with, up to the last part of their names.
  let length = 0;
  while (length < ports[0].length && ports.every((port) => port[length] === ports[0][length])) length++;
  return Math.max(...[":", "/"].map((mark) => ports[0].lastIndexOf(mark, length - 1))) + 1;
}

/* ---------- what the person does ---------- */

$("#yes").addEventListener("click", () => consent(true));
$("#no").addEventListener("click", () => consent(false));
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "y" || event.key === "n") consent(event.key === "y");
});
$("#threshold").addEventListener("input", (event) => {
  touched = performance.now();
  move(positions()[event.target.value][0]);
  drawPoint();
});
$("#theme").addEventListener("click", () => {
  const root = document.documentElement, dark = getComputedStyle(document.body).colorScheme === "dark"
    || (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  theme(dark ? "light" : "dark");
});

function theme(name) {
  document.documentElement.dataset.theme = name;
  try { localStorage.setItem("theme", name); } catch { /* private windows have none */ }
  if (heard.picture?.kind === "trace") drawPicture($("#picture"), heard.picture, true);
}

try { if (localStorage.getItem("theme")) theme(localStorage.getItem("theme")); } catch { /* the browser's theme, then */ }
setInterval(countDown, 250);
const observer = new ResizeObserver(() => {
  if (!heard.began || !heard.now) return;
  drawCharts();
  if (heard.picture) drawPicture($("#picture"), heard.picture, true);
});
for (const room of ["#frame", "#coursechart", "#splitchart", "#curvechart"]) observer.observe($(room));
listen();
