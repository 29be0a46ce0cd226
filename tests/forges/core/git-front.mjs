// Git over HTTP at the forge's own address, with the forge's own tokens as Basic authentication.
// https://git-scm.com/docs/http-protocol

import path from 'node:path';
import { backend, pushCommands } from './backend.mjs';
import { noticeChanges } from './requests.mjs';

/** `/<path>[.git]/info/refs` and the two services; null for everything else. */
export function locateGit(rawPath, query) {
  const match = /^\/(.+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(rawPath);
  if (!match) return null;
  const [, name, service] = match;
  const push = service === 'git-receive-pack' || query.includes('service=git-receive-pack');
  const route = service === 'info/refs' ? 'git-advertise' : service;
  return { kind: 'git', project: decodeURIComponent(name), service, push, query, route };
}

/** The password of Basic authentication, or a bearer token. */
export function basicSecret(req) {
  const [scheme, value = ''] = (req.headers.authorization ?? '').split(' ');
  if (/^basic$/i.test(scheme)) {
    const [user, ...password] = Buffer.from(value, 'base64').toString().split(':');
    return password.join(':') || user;
  }
  return /^(bearer|token)$/i.test(scheme) ? value : null;
}

export async function serveGit(forge, ctx, place) {
  const { world, req, raw, entry, token } = ctx;
  const project = world.project(place.project);
  const access = await forge.gitAccess(ctx, project ?? world.moved(place.project), place.push);
  if (access.refusal) return access.refusal;
  if (!project) {
    // Both forges send git on to the new name. Git follows it for the first request only.
    // https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
    const to = `${forge.webUrl()}/${world.moved(place.project).path}.git/${place.service}`;
    return { status: 301, headers: { location: place.query ? `${to}?${place.query}` : to }, body: '' };
  }
  entry.project = project.path;
  const pathInfo = `/${path.basename(project.repo.dir)}/${place.service}`;
  const call = {
    root: path.dirname(project.repo.dir),
    pathInfo,
    req,
    query: place.query,
    body: raw,
    user: access.user?.login ?? '',
  };
  if (place.service !== 'git-receive-pack') return backend(call);

  const commands = pushCommands(raw);
  const who = { user: access.user, token, via: 'git', entry };
  const { refused, noForce } = await forge.pushVerdict(project, commands, who);
  await ctx.point('checked');
  const push = { commands, who };
  project.pending.push(push);
  try {
    const env = { FORGE_REFUSED: lines(refused), FORGE_NO_FORCE: lines(noForce) };
    return await backend({ ...call, env });
  } finally {
    await world.lock.run(async () => {
      await noticeChanges(forge, project, who);
      await forge.settle({ ...ctx, project });
    });
    project.pending = project.pending.filter((other) => other !== push);
  }
}

function lines(words) {
  return [...words].map(([ref, text]) => `${ref}\t${text.replaceAll('\n', '\\n')}`).join('\n');
}
