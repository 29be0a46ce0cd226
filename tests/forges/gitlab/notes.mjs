// Comments. https://docs.gitlab.com/api/notes/#merge-requests

import { touch } from '../core/requests.mjs';
import { badRequest, forbidden, needs, notFound } from './errors.mjs';
import { requestOf } from './merge-requests.mjs';
import { paged } from './paging.mjs';
import { userShape } from './shapes.mjs';

const LIST = '/projects/{id}/merge_requests/{iid}/notes';
const ONE = `${LIST}/{note_id}`;

export default function notes(router) {
  router.on('GET', LIST, { shape: 'notes' }, (ctx) => {
    const request = requestOf(ctx);
    const found = [...request.comments];
    if (ctx.query.get('sort') !== 'asc') found.reverse();
    return paged(ctx, found, (note) => shape(ctx, request, note));
  });
  router.on('POST', LIST, { shape: 'note' }, (ctx) => {
    const { world, project, user, body } = ctx;
    const request = requestOf(ctx);
    check(body);
    const now = world.clock.iso();
    const note = { id: world.id(), author: user, body: body.body, createdAt: now, updatedAt: now };
    request.comments.push(note);
    touch(world, request);
    ctx.effect('comment', `${project.path}!${request.number} ${note.body.slice(0, 200)}`);
    return { status: 201, body: shape(ctx, request, note) };
  });
  router.on('GET', ONE, { shape: 'note' }, (ctx) => ({ status: 200, body: shape(ctx, requestOf(ctx), noteOf(ctx)) }));
  router.on('PUT', ONE, { shape: 'note' }, (ctx) => {
    const note = mine(ctx);
    check(ctx.body);
    Object.assign(note, { body: ctx.body.body, updatedAt: ctx.world.clock.iso() });
    ctx.effect('comment-update', `${ctx.project.path} ${note.id} ${note.body.slice(0, 200)}`);
    return { status: 200, body: shape(ctx, requestOf(ctx), note) };
  });
  router.on('DELETE', ONE, {}, (ctx) => {
    const request = requestOf(ctx);
    const note = mine(ctx);
    request.comments = request.comments.filter((other) => other !== note);
    ctx.effect('comment-delete', `${ctx.project.path} ${note.id}`);
    return { status: 204 };
  });
}

function check(body) {
  needs(body, 'body');
  if ([...body.body].length > 1_000_000) throw badRequest({ note: ['is too long (maximum is 1000000 characters)'] });
  if (body.body.trim() === '') throw badRequest({ note: ["can't be blank"] });
}

function noteOf(ctx) {
  const note = requestOf(ctx).comments.find(({ id }) => String(id) === ctx.params.note_id);
  if (!note) throw notFound('Note');
  return note;
}

function mine(ctx) {
  const note = noteOf(ctx);
  if (note.author !== ctx.user && ctx.world.role(ctx.project, ctx.user) < 40) throw forbidden();
  return note;
}

function shape({ forge, project }, request, { id, author, body, createdAt, updatedAt }) {
  return {
    id,
    type: null,
    body,
    attachment: null,
    author: userShape(forge, author),
    created_at: createdAt,
    updated_at: updatedAt,
    system: false,
    noteable_id: request.id,
    noteable_type: 'MergeRequest',
    project_id: project.id,
    resolvable: false,
    confidential: false,
    internal: false,
    imported: false,
    imported_from: 'none',
    noteable_iid: request.number,
    commands_changes: {},
  };
}
