// Files that were dropped or chosen, with those in folders.

const MEDIA =
  /\.(mp4|m4v|mov|webm|mkv|avi|mxf|ts|mts|m2ts|mpg|mpeg|wmv|flv|3gp|ogv|wav|mp3|m4a|aac|flac|ogg|opus)$/i;

/** Whether a file looks like video or sound, by its type or name. */
export const isMedia = (file) => /^(video|audio)\//.test(file.type) || MEDIA.test(file.name);

/** The files of a drop; folders are read to the bottom, and what is no media in them is left out. */
export async function filesOfDrop(transfer) {
  // entries are gone after the first pause
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  for (const entry of entries) await collect(entry, found, !entry.isDirectory);
  return found;
}

async function collect(entry, found, isWanted) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (isWanted || isMedia(file)) found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // returns at most 100 entries each time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const child of some) await collect(child, found, false);
  }
}
