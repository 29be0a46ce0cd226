import { linkHeader, page } from '../core/http.mjs';

/**
 * One page. Totals are left out when there are more than 10,000.
 * https://docs.gitlab.com/api/rest/#pagination-response-headers
 */
export async function paged(ctx, items, shape) {
  const at = page(items, ctx.query, { perPage: 20 });
  const url = new URL(ctx.forge.origin + ctx.req.url);
  const pages = { first: { page: 1, per_page: at.size } };
  if (at.number > 1) pages.prev = { page: at.number - 1, per_page: at.size };
  if (at.number < at.last) pages.next = { page: at.number + 1, per_page: at.size };
  const headers = {
    'x-page': String(at.number),
    'x-per-page': String(at.size),
    'x-next-page': pages.next ? String(at.number + 1) : '',
    'x-prev-page': pages.prev ? String(at.number - 1) : '',
  };
  if (at.total <= 10_000) {
    Object.assign(headers, { 'x-total': String(at.total), 'x-total-pages': String(at.last) });
    pages.last = { page: at.last, per_page: at.size };
  }
  headers.link = linkHeader(url, pages);
  return { status: 200, headers, body: await Promise.all(at.items.map(shape)) };
}
