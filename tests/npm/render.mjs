// The reference that our own engine is held against: a JSON string of MJML on each line of stdin, a JSON string of HTML
// on each line of stdout. One process for many, for it is slow to start.
import { createInterface } from "node:readline";
import mjml2html from "mjml";

const options = { validationLevel: "strict", fonts: {}, keepComments: true };
for await (const line of createInterface({ input: process.stdin })) {
  const made = await mjml2html(JSON.parse(line), options);
  process.stdout.write(JSON.stringify(made.html) + "\n");
}
