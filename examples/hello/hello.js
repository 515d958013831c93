// hello.js: clemmys deploy hello.js && clemmys invoke hello -p name Ada
function main(params) {
  const name = params.name ?? "World";
  console.log(`greeting ${name}`);
  return { greeting: `Hello, ${name}!` };
}
