// Reference 002's pipeline: the character's state as a JPEG that was rendered before, over it the TV's picture and the caption,
// out comes a JPEG. Prints one line of JSON: wall and processor time of each frame, milliseconds.
//
//   node sharp_pipeline.mjs FOLDER FRAMES     FOLDER holds frame.json and the pictures that it names
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, frames] = [process.argv[2], Number(process.argv[3])];
const sharp = createRequire(path.join(folder, "package.json"))("sharp");
sharp.concurrency(2);
const { states, tv, left, top, captions, captionLeft, captionTop } = JSON.parse(
  readFileSync(path.join(folder, "frame.json"), "utf8"),
);
const read = (name) => readFileSync(path.join(folder, name));
const bases = states.map(read);
const screens = tv.map(read);
const wall = [];
const cpu = [];
for (let number = 0; number < frames; number += 1) {
  const before = process.cpuUsage();
  const started = performance.now();
  await sharp(bases[number % bases.length])
    .composite([
      { input: screens[number % screens.length], left, top },
      { input: Buffer.from(captions[number % captions.length]), left: captionLeft, top: captionTop },
    ])
    .jpeg({ quality: 80 })
    .toBuffer();
  wall.push(performance.now() - started);
  const used = process.cpuUsage(before);
  cpu.push((used.user + used.system) / 1000);
}
console.log(JSON.stringify({ wall, cpu, versions: sharp.versions }));
