// The painter of the page; Gradio calls this with element, props and watch.
//
// props.image enters: {source, key, width, height} in pixels, {} for no image.
// props.value leaves: '' or what uninext/web/strokes.py reads. It names the image
// that was painted over, so that strokes never count for another one.

const [frame, view, canvas] = ['.un-canvas', 'img', 'canvas'].map(
  (selector) => element.querySelector(selector));
const brushes = { color: 0, share: 0.06 }; // the pressed buttons; share of a side
const colors = {};
let image = {};
let strokes = [];
let stroke = null; // that is being painted

function tell() {
  const painting = JSON.stringify({ image: image.key, strokes });
  props.value = strokes.length ? painting : '';
  for (const button of element.querySelectorAll('[data-act]')) {
    button.disabled = !strokes.length;
  }
}

function draw() {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !image.key) return; // not seen now
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const pen = canvas.getContext('2d');
  pen.scale(canvas.width / image.width, canvas.height / image.height);
  pen.lineCap = pen.lineJoin = 'round';
  for (const { color, width, points } of stroke ? [...strokes, stroke] : strokes) {
    pen.strokeStyle = colors[color];
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y]) => pen.lineTo(x, y));
    const [x, y] = points.at(-1);
    pen.lineTo(x + 0.01, y); // a line without length would not be drawn
    pen.stroke();
  }
}

function show() {
  const given = props.image ?? {};
  if (given.key === image.key) return;
  [image, strokes, stroke] = [given, [], null];
  element.querySelector('.un-painter').dataset.under = given.key ?? '';
  if (given.key) {
    view.src = given.source;
    frame.style.setProperty('--aspect', given.width / given.height);
  }
  tell();
  draw();
}

function add(event) {
  const area = canvas.getBoundingClientRect();
  const tenths = (part, size) => Math.round(10 * part * size) / 10;
  const x = tenths((event.clientX - area.left) / area.width, image.width);
  const y = tenths((event.clientY - area.top) / area.height, image.height);
  const last = stroke.points.at(-1);
  if (!last || Math.hypot(x - last[0], y - last[1]) >= 1) stroke.points.push([x, y]);
}

function begin(event) {
  if (!event.isPrimary || event.button || !image.key) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  const side = Math.min(image.width, image.height);
  const width = Math.max(3, Math.round(brushes.share * side));
  stroke = { color: brushes.color, width, points: [] };
  add(event);
  draw();
}

function move(event) {
  if (!stroke || !event.isPrimary) return;
  const passed = event.getCoalescedEvents?.() ?? [];
  for (const point of passed.length ? passed : [event]) add(point);
  draw();
}

function end(event) {
  if (!stroke || !event.isPrimary) return;
  strokes.push(stroke);
  stroke = null;
  tell();
  draw();
}

canvas.addEventListener('pointerdown', begin);
canvas.addEventListener('pointermove', move);
canvas.addEventListener('pointerup', end);
canvas.addEventListener('pointercancel', end);

for (const kind of ['color', 'share']) {
  const buttons = [...element.querySelectorAll(`[data-${kind}]`)];
  for (const button of buttons) {
    button.addEventListener('click', () => {
      brushes[kind] = Number(button.dataset[kind]);
      for (const other of buttons) other.setAttribute('aria-pressed', other === button);
    });
    if (kind === 'color') colors[button.dataset.color] = button.dataset.paint;
  }
}

for (const button of element.querySelectorAll('[data-act]')) {
  button.addEventListener('click', () => {
    strokes = button.dataset.act === 'undo' ? strokes.slice(0, -1) : [];
    tell();
    draw();
  });
}

new ResizeObserver(draw).observe(canvas);
watch(Object.keys({ image }), show); // Gradio takes names in quotes for events
show();
