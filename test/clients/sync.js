// Runs the guide's client code (guide.js), or the recipe of doc/sync.md for exact sync, against a server of choice.
//
// node sync.js SERVER TOKEN STATE STEP: the client's database is the file STATE; STEP is initial or delta of the guide, or recipe.

const fs = require("fs");
const vm = require("vm");

const [server, token, file, step] = process.argv.slice(2);
const state = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : { projects: {}, prospects: {}, since: {} };

async function get(path, parameters) {
  const url = new URL(`${server}/api/v1/${path}`);

  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${url}: ${await response.text()}`);
  return response.json();
}

// All pages of a list, and the moment that the first one is exact to
async function list(path, parameters) {
  const rows = [];
  let synced;
  let page;

  do {
    const answer = await get(path, page ? { ...parameters, cursor: page.nextCursor } : parameters);
    page = answer.page;
    synced ??= page.syncedUtc;
    rows.push(...answer.data);
  } while (page.hasMore);
  return { rows, synced };
}

function store(kind, resource) {
  if (resource.deletedUtc) delete state[kind][resource.id];
  else state[kind][resource.id] = resource;
}

// What the guide leaves to its reader
async function fetchAllProspects(_token, project, since) {
  const parameters = since ? { updated_since: since.toISOString() } : {};

  return (await list(`projects/${project}/prospects`, parameters)).rows;
}

async function saveToDatabase(project, prospects) {
  store("projects", project);
  await syncProspects(project.id, prospects);
}

async function markAsDeleted(project) {
  delete state.projects[project];
  for (const prospect of Object.values(state.prospects)) if (prospect.projectId === project) delete state.prospects[prospect.id];
}

async function upsertProject(project) {
  store("projects", project);
}

async function syncProspects(_project, prospects) {
  for (const prospect of prospects) store("prospects", prospect);
}

// The recipe of doc/sync.md: two lists, each to its last page, from the moment that the last first page was exact to
async function recipe() {
  for (const kind of ["projects", "prospects"]) {
    const since = state.since[kind];
    const everything = kind === "projects" ? {} : { include_deleted: "true" };
    const { rows, synced } = await list(kind, since ? { updated_since: since, include_deleted: "true" } : everything);

    for (const resource of rows) store(kind, resource);
    state.since[kind] = synced ?? since;
  }
}

async function guide() {
  const started = new Date();

  if (step === "initial") await initialSync(token);
  else await deltaSync(token, new Date(state.since.guide));
  state.since.guide = started.toISOString();
}

Object.assign(globalThis, { fetchAllProspects, saveToDatabase, markAsDeleted, upsertProject, syncProspects });
vm.runInThisContext(fs.readFileSync(`${__dirname}/guide.js`, "utf8").replaceAll("https://app.propstreet.com", server));
(step === "recipe" ? recipe() : guide()).then(() => fs.writeFileSync(file, JSON.stringify(state)));
