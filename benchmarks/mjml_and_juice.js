// The reference of rendering.py: npm's mjml, then juice. `node mjml_and_juice.js ISSUE.json ROUNDS` prints the
// milliseconds of each round as JSON; ISSUE.json holds the MJML and the CSS that our own templates made.
const { readFileSync } = require('fs')
const mjml2html = require('mjml')
const juice = require('juice')

const [, , file, rounds] = process.argv
const { mjml, css } = JSON.parse(readFileSync(file, 'utf8'))

async function main() {
  const times = []
  let bytes = 0
  for (let round = 0; round < Number(rounds); round++) {
    const start = process.hrtime.bigint()
    const { html } = await mjml2html(mjml, { validationLevel: 'skip', fonts: {} })
    bytes = juice.inlineContent(html, css, { preserveMediaQueries: true, preserveImportant: true }).length
    times.push(Number(process.hrtime.bigint() - start) / 1e6)
  }
  console.log(JSON.stringify({ times, bytes }))
}

main()
