// MJML on stdin, HTML on stdout: the reference that our own engine is held against.
import { readFileSync } from "node:fs";
import mjml2html from "mjml";

const made = await mjml2html(readFileSync(0, "utf8"), { validationLevel: "strict", fonts: {}, keepComments: true });
process.stdout.write(made.html);
