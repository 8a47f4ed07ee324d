// The reference of rendering.py: npm's mjml, then juice. `node mjml_and_juice.js ISSUES.json` prints the
// milliseconds of each issue as JSON; ISSUES.json holds the MJML and the CSS that our own templates made.
const { readFileSync } = require('fs')
const mjml2html = require('mjml')
const juice = require('juice')

const issues = JSON.parse(readFileSync(process.argv[2], 'utf8'))

async function main() {
  const times = []
  let bytes = 0
  for (const { mjml, css } of issues) {
    const start = process.hrtime.bigint()
    const { html } = await mjml2html(mjml, { validationLevel: 'skip', fonts: {} })
    bytes = juice.inlineContent(html, css, { preserveMediaQueries: true, preserveImportant: true }).length
    times.push(Number(process.hrtime.bigint() - start) / 1e6)
  }
  console.log(JSON.stringify({ times, bytes }))
}

main()
