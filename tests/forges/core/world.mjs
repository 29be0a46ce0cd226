// What both forges know: people, groups, projects with their repositories and requests, tokens.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { Clock } from './clock.mjs';
import { Mutex } from './git.mjs';
import { Log } from './log.mjs';
import { Repo, ZERO } from './repo.mjs';

/** One scale for both: GitLab's numbers. https://docs.gitlab.com/api/access_requests/#valid-access-levels */
export const ROLES = {
  none: 0,
  guest: 10,
  read: 20,
  reporter: 20,
  triage: 25,
  write: 30,
  developer: 30,
  maintain: 40,
  maintainer: 40,
  admin: 50,
  owner: 50,
};

export class World {
  clock = new Clock();
  log = new Log();
  /** Handlers that write run one at a time; pushes run beside them and meet in git's own locks. */
  lock = new Mutex();
  users = [];
  groups = [];
  projects = [];
  tokens = [];
  apps = [];
  settings = {
    /** How many reads find the mergeability not yet known. */
    mergeabilityPolls: 1,
    /** How many lists miss a request that was just opened. */
    listLag: 0,
    /** How many reads of a request show its head before the last push. */
    headLag: 0,
    perPage: 100,
  };
  #ids = 1000;

  constructor(dir) {
    this.dir = dir;
  }

  id() {
    return ++this.#ids;
  }

  user(login) {
    const wanted = String(login).toLowerCase();
    return this.users.find((user) => user.login.toLowerCase() === wanted) ?? null;
  }

  addUser({ login, name = login, email = `${login}@example.com`, ...rest }) {
    const known = this.user(login);
    if (known) return Object.assign(known, { name, email, ...rest });
    const user = { id: this.id(), login, name, email, type: 'User', createdAt: this.clock.iso(), ...rest };
    this.users.push(user);
    return user;
  }

  need(login) {
    return this.user(login) ?? this.addUser({ login });
  }

  userByEmail(email) {
    return this.users.find((user) => user.email === email) ?? null;
  }

  group(name) {
    const wanted = String(name).toLowerCase();
    return this.groups.find((group) => group.path.toLowerCase() === wanted || String(group.id) === wanted) ?? null;
  }

  /** An organization or a group; `teams: {release: ["ann"]}` are GitHub's. */
  addGroup({ path: name, members = {}, teams = {} }) {
    let group = this.group(name);
    if (!group) {
      group = {
        id: this.id(),
        path: name,
        name: name.split('/').at(-1),
        members: {},
        teams: {},
        createdAt: this.clock.iso(),
      };
      this.groups.push(group);
    }
    for (const [login, role] of Object.entries(members)) group.members[this.need(login).login] = ROLES[role] ?? role;
    for (const [slug, logins] of Object.entries(teams)) {
      logins.forEach((login) => (group.members[this.need(login).login] ??= ROLES.read));
      group.teams[slug] = { id: group.teams[slug]?.id ?? this.id(), slug, members: logins };
    }
    return group;
  }

  project(name) {
    const wanted = String(name).toLowerCase();
    return this.projects.find((project) => project.path.toLowerCase() === wanted) ?? null;
  }

  projectById(id) {
    return this.projects.find((project) => project.id === Number(id)) ?? null;
  }

  /** The project that once was there. */
  moved(name) {
    const wanted = String(name).toLowerCase();
    return this.projects.find((project) => project.former.includes(wanted)) ?? null;
  }

  async addProject({ path: name, defaultBranch = 'main', private: hidden = true, members = {}, files, settings = {} }) {
    const namespace = name.split('/').slice(0, -1).join('/');
    if (!this.group(namespace) && !this.user(namespace)) this.addGroup({ path: namespace });
    const id = this.id();
    const project = {
      id,
      path: name,
      namespace,
      former: [],
      defaultBranch,
      private: hidden,
      members: {},
      settings,
      createdAt: this.clock.iso(),
      requests: new Map(),
      lastNumber: 0,
      labels: new Map(),
      statuses: [],
      pipelines: [],
      protections: [],
      rulesets: [],
      approvalRules: [],
      environments: [],
      deployments: [],
      queue: [],
      jobs: new Map(),
      events: [],
      pending: [],
      repo: await Repo.create(
        path.join(this.dir, 'repositories', `${id}.git`),
        defaultBranch,
        path.join(this.dir, 'hooks'),
      ),
    };
    for (const [login, role] of Object.entries(members)) project.members[this.need(login).login] = ROLES[role] ?? role;
    this.projects.push(project);
    if (files) {
      const author = { name: 'Forge', email: 'forge@example.com' };
      const additions = Object.entries(files).map(([file, text]) => ({ path: file, contents: Buffer.from(text) }));
      const oid = await project.repo.build(null, {
        additions,
        message: 'Initial commit\n',
        author,
        date: this.clock.seconds(),
      });
      await project.repo.swap(`refs/heads/${defaultBranch}`, oid, ZERO);
      await project.repo.sync();
    }
    return project;
  }

  /** What this person may do in this project, on the scale of ROLES. */
  role(project, user) {
    if (!user) return 0;
    if (user.admin) return ROLES.admin;
    let role = Math.max(
      project.members[user.login] ?? 0,
      project.namespace.toLowerCase() === user.login.toLowerCase() ? ROLES.admin : 0,
    );
    for (let at = project.namespace; at; at = at.split('/').slice(0, -1).join('/')) {
      role = Math.max(role, this.group(at)?.members[user.login] ?? 0);
    }
    return role;
  }

  addToken({ name, secret, prefix = 'token_', ...rest }) {
    if (this.tokens.some((token) => token.name === name)) throw new Error(`a token ${name} exists`);
    const token = {
      id: this.id(),
      name,
      secret: secret ?? prefix + randomBytes(18).toString('hex'),
      createdAt: this.clock.iso(),
      revoked: false,
      expiresAt: null,
      ...rest,
    };
    this.tokens.push(token);
    return token;
  }

  token(name) {
    const token = this.tokens.find((candidate) => candidate.name === name);
    if (!token) throw new Error(`no token ${name}`);
    return token;
  }

  /** `state`: "unknown", "revoked", "expired" or "good". */
  judge(secret) {
    const token = this.tokens.find((candidate) => candidate.secret === secret);
    if (!token) return { token: null, state: 'unknown' };
    if (token.revoked) return { token, state: 'revoked' };
    if (token.expiresAt !== null && this.clock.now() >= Date.parse(token.expiresAt)) return { token, state: 'expired' };
    return { token, state: 'good' };
  }

  async remove() {
    await fs.rm(this.dir, { recursive: true, force: true });
  }
}
