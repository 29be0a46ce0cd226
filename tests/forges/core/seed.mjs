// Many requests at once. A pack is written here, for `git fast-import` takes seconds for 10,000
// commits: https://git-scm.com/docs/pack-format

import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { openRequest } from './requests.mjs';

const COMMIT = 1;
const SMALL = { level: 1, memLevel: 1, windowBits: 9 };

/** `requests` open requests, each with a branch and a commit of its own; `head`: "load/{n}". */
export async function seed(
  world,
  project,
  { requests, head = 'load/{n}', title = 'Request {n}', base = project.defaultBranch, by = 'human', labels = [] },
) {
  const { repo } = project;
  const author = world.need(by);
  const tip = repo.branch(base);
  const date = world.clock.seconds();
  const first = await repo.build(tip, {
    additions: [{ path: 'load', contents: Buffer.from('seed\n') }],
    message: 'Seed\n',
    author,
    date,
  });
  const { tree } = await repo.commit(first);
  const who = `${author.name} <${author.email}> ${date} +0000`;
  const commits = Array.from({ length: requests }, (_, i) =>
    Buffer.from(`tree ${tree}\nparent ${tip}\nauthor ${who}\ncommitter ${who}\n\nSeed ${i + 1}\n`),
  );
  await repo.git(['index-pack', '--stdin'], { input: pack(commits) });
  const name = (text, i) => text.replace('{n}', i + 1);
  await addBranches(
    repo,
    commits.map((commit, i) => [name(head, i), idOf(commit)]),
  );
  commits.forEach((_, i) => {
    openRequest(world, project, { title: name(title, i), body: '', head: name(head, i), base, author }).labels = [
      ...labels,
    ];
  });
  return { first: project.lastNumber - requests + 1, last: project.lastNumber };
}

function idOf(commit) {
  return createHash('sha1').update(`commit ${commit.length}\0`).update(commit).digest('hex');
}

function pack(objects) {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(objects.length, 8);
  const body = Buffer.concat([
    header,
    ...objects.flatMap((object) => [sizeOf(object.length), deflateSync(object, SMALL)]),
  ]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** Type and size: four bits, then seven bits a byte. */
function sizeOf(length) {
  const bytes = [(COMMIT << 4) | (length & 15)];
  for (let rest = length >> 4; rest > 0; rest >>= 7) {
    bytes[bytes.length - 1] |= 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

/** Straight into packed-refs, which must be sorted; as loose files they would be slow for everybody. */
async function addBranches(repo, branches) {
  await repo.git(['pack-refs', '--all']);
  const file = path.join(repo.dir, 'packed-refs');
  const before = (await fs.readFile(file, 'utf8')).split('\n').filter((line) => line && !/^[#^]/.test(line));
  const lines = [...before, ...branches.map(([name, oid]) => `${oid} refs/heads/${name}`)];
  lines.sort((a, b) => Buffer.compare(Buffer.from(a.slice(41)), Buffer.from(b.slice(41))));
  await fs.writeFile(file, `# pack-refs with: sorted \n${lines.join('\n')}\n`);
  await repo.sync();
}
