export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/place") return Response.json({ place: `told by ${env.PLACE}` });
    if (pathname === "/api/page") return env.ASSETS.fetch(new URL("/", request.url));
    return Response.json({ error: "no such path of the API" }, { status: 404 });
  },
};
