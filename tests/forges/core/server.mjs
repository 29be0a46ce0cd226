// How a request goes through a forge: found, spoilt perhaps, let in, done, checked, spoilt perhaps,
// answered. What is special about a forge is in the methods that it gives.

import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { writeHooks } from './backend.mjs';
import { controls } from './control.mjs';
import { Faults, patched, PRESETS } from './faults.mjs';
import { serveGit } from './git-front.mjs';
import { encode, listen, parseBody, readBody, Refusal } from './http.mjs';
import { World } from './world.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * `forge`: name, router, presets, acts, locate(path), identify(req), admit(ctx), check(ctx, answer),
 * refuse(kind, ctx), decorate(ctx, answer), headMoved, settle, pushVerdict, gitAccess.
 */
export async function start(makeForge, options = {}) {
  const world = new World(await fs.mkdtemp(path.join(os.tmpdir(), 'pinrail-forge-')));
  const forge = makeForge(world, options);
  forge.world = world;
  forge.faults = new Faults({ ...PRESETS, ...forge.presets });
  await writeHooks(path.join(world.dir, 'hooks'), forge.name === 'gitlab');
  const open = new Set();
  const { server, origin } = await listen((req, res) => {
    open.add(res);
    res.on('close', () => open.delete(res));
    serve(forge, req, res).catch((error) => {
      // The client went away in mid-request: nobody's fault here.
      if (error.code === 'ECONNRESET' && req.destroyed) return;
      world.log.violation(null, `${req.method} ${req.url}`, [error.stack ?? String(error)]);
      if (!res.headersSent)
        res.writeHead(500, { 'content-type': 'text/plain' }).end(`the fake itself failed: ${error.stack}\n`);
      else res.destroy();
    });
  }, options);
  forge.origin = origin;
  const control = await listen(controls(forge));
  const stop = async () => {
    for (const listener of [server, control.server]) {
      listener.close();
      listener.closeAllConnections();
    }
    await world.lock.run(() => world.remove());
  };
  return { forge, world, stop, urls: { kind: forge.name, ...forge.urls(), control: control.origin } };
}

async function serve(forge, req, res) {
  const { world } = forge;
  const [rawPath, query = ''] = req.url.split(/\?(.*)/s);
  const entry = world.log.begin(world.clock, req, req.url);
  const raw = await readBody(req);
  const place = forge.locate(rawPath, query);
  const { secret, token, state } = forge.identify(req, place.kind);
  const ctx = {
    forge,
    world,
    req,
    raw,
    entry,
    secret,
    token,
    tokenState: state,
    path: place.path ?? rawPath,
    query: new URLSearchParams(query),
    url: `${forge.origin}${req.url}`,
    effect: (kind, key, detail) => world.log.effect(entry, kind, key, detail),
  };
  entry.token = token?.name ?? (secret ? 'unknown' : null);
  const found = {
    api: () => find(forge, ctx),
    git: () => ({}),
    web: () => ({ problem: forge.refuse('no-route', ctx) }),
  }[place.kind]();
  ctx.route = found.route;
  ctx.params = found.params;
  entry.route = place.kind === 'git' ? place.route : (found.route?.name ?? `${req.method} unknown`);
  // A mutation's or query's first field, so that a script can name it.
  if (entry.route === 'POST /graphql')
    entry.operation = /\{\s*(?:\w+\s*:\s*)?(\w+)/.exec(ctx.body?.query ?? '')?.[1] ?? null;

  const chosen = forge.faults.choose({
    route: entry.route,
    method: req.method,
    path: req.url,
    token: entry.token,
    operation: entry.operation,
  });
  if (chosen.length > 0) entry.fault = chosen.map((rule) => rule.id).join(' ');
  const rulesFor = (when) => chosen.filter((rule) => rule.when === when);
  ctx.point = (name) => play(forge, rulesFor(name), ctx.holding);

  const instead = await play(forge, rulesFor('before'));
  if (instead) return send(req, res, entry, instead.answer ?? encode({ status: 500 }), instead);
  let answer;
  if (place.kind === 'git') answer = await serveGit(forge, ctx, place);
  else if (found.problem) answer = found.problem;
  else answer = await dispatch(forge, ctx);
  answer = judge(forge, ctx, place, answer);

  const last = (await play(forge, rulesFor('after'))) ?? {};
  for (const { patch } of rulesFor('after')) {
    if (patch && typeof answer.body === 'object') answer = { ...answer, body: patched(answer.body, patch) };
  }
  send(req, res, entry, last.answer ?? encode(answer), last);
}

function find(forge, ctx) {
  try {
    const found = forge.router.find(ctx.req.method === 'HEAD' ? 'GET' : ctx.req.method, ctx.path);
    if (!found.route) return { problem: forge.refuse('no-route', ctx, found.allowed) };
    ctx.body = parseBody(ctx.raw, ctx.req.headers['content-type']);
    return found;
  } catch (error) {
    return { problem: forge.refuse('bad-body', ctx, error.message) };
  }
}

async function dispatch(forge, ctx) {
  try {
    await forge.admit(ctx);
    const alone = !reads(ctx.req);
    const work = async () => {
      ctx.holding = alone;
      const answer = await ctx.route.handler(ctx);
      if (alone) await forge.settle(ctx);
      return answer;
    };
    return alone ? await ctx.world.lock.run(work) : await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error;
  }
}

function reads({ method }) {
  return method === 'GET' || method === 'HEAD';
}

/** Completes and checks; an answer that its description does not allow is a failure of the fake. */
function judge(forge, ctx, place, answer) {
  let { status, body, headers = {} } = answer;
  if (place.kind === 'git') return { status, body, headers };
  const checked = forge.check(ctx, { status, body, headers });
  if (checked.problems.length > 0) {
    ctx.world.log.violation(ctx.entry, `${ctx.entry.route} ${status}`, checked.problems, checked.body);
    return {
      status: 500,
      headers: { 'x-forge-violation': 'yes' },
      body: { message: `the fake's own answer is not valid: ${checked.problems.join('; ')}` },
    };
  }
  return { status, body: checked.body, headers: forge.decorate(ctx, headers) };
}

/** Plays rules; `{answer?, drop?, cut?, hang?, trickle?}` if they say how to answer. */
async function play(forge, rules, holding = false) {
  let end = null;
  for (const rule of rules) {
    if (rule.delay) await sleep(rule.delay);
    for (const act of [rule.act ?? []].flat()) {
      await (holding ? forge.act(act) : forge.world.lock.run(() => forge.act(act)));
    }
    if (rule.status || rule.drop || rule.cut || rule.hang || rule.trickle) {
      end ??= { drop: rule.drop, cut: rule.cut, hang: rule.hang, trickle: rule.trickle };
      if (rule.status) {
        const headers = typeof rule.headers === 'function' ? rule.headers(forge) : rule.headers;
        end.answer = encode({ status: rule.status, headers, body: rule.json ?? rule.body ?? '' });
      }
    }
  }
  return end;
}

async function send(req, res, entry, { status, headers, body }, { drop, cut, hang, trickle }) {
  entry.status = drop || hang ? null : status;
  entry.took = Math.round(performance.now()) - entry.clock;
  if (hang) return;
  if (drop) return req.socket.destroy();
  res.writeHead(status, headers);
  if (cut) {
    res.write(body.subarray(0, body.length >> 1));
    setTimeout(() => req.socket.destroy(), 20);
    return;
  }
  if (trickle) {
    for (const byte of body) {
      if (res.destroyed) return;
      res.write(Buffer.of(byte));
      await sleep(trickle);
    }
    return res.end();
  }
  res.end(req.method === 'HEAD' ? undefined : body);
}
