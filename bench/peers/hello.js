export default {
  async fetch(request) {
    const parameters = await request.json();
    return Response.json({ greeting: `Hello, ${parameters.name}!` });
  },
};
