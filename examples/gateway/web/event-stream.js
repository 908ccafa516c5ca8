// An EventSource that also survives what ends an EventSource: a full server, a proxy's error, an old ticket.
//   const stream = connect('/events?topic=news', {
//     ticket: async () => (await post('/ticket')).ticket, // not needed where a cookie authenticates
//     renew: () => post('/session'),                      // before the login expires
//     events: { headline: (event) => show(event.data), gap: () => reload() },
//     state: (state) => console.log(state), // connecting, open, waiting, busy, signed-out, done, closed
//   });
// `ticket` returns null, or throws an error with the status 401, if the user must log in again.
export function connect(url, {
  ticket, renew, events = {}, state = () => {}, silence = 45_000, delay = 1_000, maxDelay = 30_000,
}) {
  let source, timer, watchdog, lastEventId = '', failures = 0, closed = false;
  let topics = new URL(url, location.href).searchParams.getAll('topic').length;

  function close(reason) {
    if (closed) return;
    closed = true;
    stop();
    state(reason);
  }
  function stop() {
    clearTimeout(timer);
    clearTimeout(watchdog);
    source?.close();
    source = timer = undefined;
  }
  // Exponential backoff with full jitter, so that clients do not return together.
  function retry() {
    if (closed) return;
    stop();
    state('waiting');
    timer = setTimeout(open, Math.random() * Math.min(maxDelay, delay * 2 ** failures++));
  }
  // Checkpoints come while there is no event: after a longer silence the connection is dead.
  function watch(time = silence) {
    clearTimeout(watchdog);
    watchdog = setTimeout(retry, time);
  }
  // EventSource does not say why it gave up.
  async function ask(url) {
    stop();
    const { body, headers, status } = await fetch(url).catch(() => Response.error());
    body?.cancel();
    if (status !== 204 && (status !== 401 || ticket)) return retry();
    close(headers.has('www-authenticate') ? 'signed-out' : 'done');
  }
  async function open() {
    timer = undefined;
    state('connecting');
    const target = new URL(url, location.href), query = target.searchParams;
    for (const name of ['checkpoint', 'busy']) query.set(name, 'event');
    if (lastEventId) query.set('last_event_id', lastEventId);
    try {
      const value = await ticket?.();
      if (closed) return;
      if (value === null) return close('signed-out');
      if (value) query.set('ticket', value);
    } catch (error) {
      return error.status === 401 ? close('signed-out') : retry();
    }
    source = new EventSource(target);
    watch();
    source.onopen = () => (watch(), state('open'));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) return ask(target);
      watch(silence + 60_000); // it reconnects by itself, after the delay that the server asked for
      state('waiting');
    };
    const expiring = () => Promise.resolve().then(renew).catch(() => {}); // the stream ends with its token then
    const own = { checkpoint() {}, expiring, busy: () => state('busy'), done: () => --topics || close('done') };
    for (const type of new Set([...Object.keys(own), ...Object.keys(events)])) source.addEventListener(type, (event) => {
      [lastEventId, failures] = [event.lastEventId || lastEventId, 0];
      watch();
      events[type]?.(event);
      own[type]?.();
    });
  }
  open();
  return { close: () => close('closed'), lastEventId: () => lastEventId };
}
