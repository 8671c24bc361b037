// The pages for people: the customer's at /, the kitchen's, the courier's, and
// signing in. Serves the files of gateway/page/, which are inside this program,
// and keeps a browser's token in a cookie.
//
// It stands behind the gateway, which verifies tokens before it passes them on;
// nobody else may reach it. All that the pages show they ask of the API.

#include <chrono>
#include <cstdio>
#include <future>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "gateway/assets.h"
#include "gateway/page_answers.h"
#include "httplib.h"
#include "platform/process/process.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:8085", "host:port to serve on.");

namespace gateway {
namespace {

using httplib::Request;
using httplib::Response;

constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr char kJson[] = "application/json";

const Asset* FindAsset(absl::string_view name) {
  for (const Asset& asset : Assets()) {
    if (asset.name == name) return &asset;
  }
  return nullptr;
}

const char* ContentType(absl::string_view name) {
  if (absl::EndsWith(name, ".js")) return "text/javascript; charset=utf-8";
  if (absl::EndsWith(name, ".css")) return "text/css; charset=utf-8";
  if (absl::EndsWith(name, ".svg")) return "image/svg+xml";
  if (absl::EndsWith(name, ".json")) return kJson;
  if (absl::EndsWith(name, ".html")) return kHtml;
  return "application/octet-stream";
}

// Answers 304 if the browser has it already.
bool Unchanged(const Request& request, Response& response,
               const std::string& etag) {
  response.set_header("ETag", etag);
  if (request.get_header_value("If-None-Match") != etag) return false;
  response.status = 304;
  return true;
}

// The one HTML file, for a view and a language. It is asked for anew each time
// and names the version of everything else.
void Shell(const std::string& view, const Request& request,
           Response& response) {
  const std::string language(
      PreferredLanguage(request.get_header_value("Accept-Language")));
  response.set_header("Vary", "Accept-Language");
  response.set_header("Cache-Control", "no-cache");
  const std::string version(AssetsVersion());
  if (Unchanged(request, response,
                absl::StrCat("\"", version, "-", view, "-", language, "\""))) {
    return;
  }
  response.set_content(absl::StrReplaceAll(FindAsset("shell.html")->plain,
                                           {{"{{version}}", version},
                                            {"{{view}}", view},
                                            {"{{language}}", language}}),
                       kHtml);
}

// A file as it is.
void Send(const Asset* asset, const Request& request, Response& response) {
  response.set_header("Vary", "Accept-Encoding");
  const bool gzip = AcceptsGzip(request.get_header_value("Accept-Encoding"));
  if (gzip) response.set_header("Content-Encoding", "gzip");
  if (Unchanged(request, response,
                absl::StrCat("\"", AssetsVersion(), gzip ? "-gz\"" : "\""))) {
    return;
  }
  const absl::string_view body = gzip ? asset->gzip : asset->plain;
  // Not set_content(), which would compress it once more.
  response.set_content_provider(
      body.size(), ContentType(asset->name),
      [body](size_t offset, size_t size, httplib::DataSink& sink) {
        return sink.write(body.data() + offset, size);
      });
}

void ServeAsset(const Request& request, Response& response) {
  const std::string version = request.matches[1];
  const Asset* asset = FindAsset(request.matches[2].str());
  if (asset == nullptr || absl::EndsWith(asset->name, ".html")) {
    response.status = 404;
    return;
  }
  // While a new version is rolled out a browser may ask an old instance for new
  // files, or the other way round: it gets what there is, and must not keep it.
  response.set_header("Cache-Control",
                      version == AssetsVersion()
                          ? "public, max-age=31536000, immutable"
                          : "no-store");
  Send(asset, request, response);
}

// A cookie goes over a plain connection only on this machine.
bool WantsSecure(const Request& request) {
  return request.get_header_value("X-Forwarded-Proto") == "https" ||
         !IsLoopback(request.get_header_value("Host"));
}

// An error as everybody here words it (docs/errors.md).
void Refuse(Response& response, int http_status, int code, const char* message,
            const char* reason) {
  response.status = http_status;
  response.set_content(
      absl::StrCat(R"({"code":)", code, R"(,"message":")", message,
                   R"(","details":[{"@type":)"
                   R"("type.googleapis.com/google.rpc.ErrorInfo","reason":")",
                   reason, R"(","domain":"restaurant"}]})"),
      kJson);
}

// What nothing here has answered yet.
void RefuseTheRest(Response& response) {
  if (!response.body.empty()) return;
  switch (response.status) {
    case 404:
      return Refuse(response, 404, 5, "There is no such page.",
                    "PATH_NOT_FOUND");
    case 413:
      return Refuse(response, 413, 3, "The body is too large.",
                    "BODY_TOO_LARGE");
    default:
      break;
  }
  if (response.status < 500) {
    return Refuse(response, response.status, 3, "This cannot be read.",
                  "INVALID_REQUEST");
  }
  Refuse(response, response.status, 13, "Something went wrong on our side.",
         "INTERNAL");
}

// Who is signed in: the token's claims. The gateway has verified the token, and
// has made a header of the cookie.
void Session(const Request& request, Response& response, bool keep) {
  response.set_header("Cache-Control", "no-store");
  const std::string authorization = request.get_header_value("Authorization");
  const absl::string_view token = BearerToken(authorization);
  const absl::StatusOr<std::string> claims = ClaimsOf(token);
  if (!claims.ok()) {
    return Refuse(response, 401, 16, "You are not signed in.", "TOKEN_MISSING");
  }
  if (keep) {
    response.set_header("Set-Cookie",
                        SessionCookie(token, WantsSecure(request)));
  }
  response.set_content(*claims, kJson);
}

void SignOut(const Request& request, Response& response) {
  response.set_header("Cache-Control", "no-store");
  response.set_header("Set-Cookie", SessionCookie("", WantsSecure(request)));
  response.set_content("{}", kJson);
}

void AddRoutes(httplib::Server& server) {
  server.set_default_headers({
      {"Content-Security-Policy", kContentSecurityPolicy},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  });
  server.set_error_handler([](const Request& /*request*/, Response& response) {
    RefuseTheRest(response);
  });
  const auto show = [&server](const char* path, const std::string& view) {
    server.Get(path, [view](const Request& request, Response& response) {
      Shell(view, request, response);
    });
  };
  show("/", "customer");
  show("/kitchen", "kitchen");
  show("/courier", "courier");
  show("/sign-in", "sign-in");
  // What describes the API (gateway/openapi), at the same address for ever.
  const auto describe = [&server](const char* path, const char* name) {
    server.Get(path, [name](const Request& request, Response& response) {
      response.set_header("Cache-Control", "no-cache");
      Send(FindAsset(name), request, response);
    });
  };
  describe("/api", "api.html");
  describe("/api.css", "api.css");
  describe("/openapi.json", "openapi.json");
  server.Get(R"(/assets/([0-9a-f]+)/([a-z.-]+))", ServeAsset);
  server.Get("/session", [](const Request& request, Response& response) {
    Session(request, response, /*keep=*/false);
  });
  server.Post("/session", [](const Request& request, Response& response) {
    Session(request, response, /*keep=*/true);
  });
  server.Delete("/session", SignOut);
  server.Get("/healthz", [](const Request& /*request*/, Response& response) {
    response.set_content("ok", "text/plain");
  });
}

int Main() {
  const std::string listen = absl::GetFlag(FLAGS_listen);
  const std::pair<std::string, std::string> address =
      absl::StrSplit(listen, absl::MaxSplits(':', 1));
  int port = 0;
  httplib::Server server;
  AddRoutes(server);
  // A connection holds a thread, so none is kept; the gateway limits how many
  // there are at a time.
  server.new_task_queue = [] { return new httplib::ThreadPool(8); };
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(5);
  server.set_write_timeout(5);
  server.set_payload_max_length(4096);
  // Two instances on one port would share it in silence.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  if (!absl::SimpleAtoi(address.second, &port) || port <= 0 || port > 65535 ||
      !server.bind_to_port(address.first, port)) {
    std::fprintf(stderr, "--listen: cannot serve on \"%s\"\n", listen.c_str());
    return platform::kExitUsage;
  }
  const std::future<void> serving =
      std::async(std::launch::async, [&server] { server.listen_after_bind(); });
  platform::WaitForShutdownSignal();
  // stop() is in vain as long as it has not begun.
  do {
    server.stop();
  } while (serving.wait_for(std::chrono::milliseconds(10)) !=
           std::future_status::ready);
  return platform::kExitOk;
}

}  // namespace
}  // namespace gateway

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("Serves the pages for people.");
  platform::ParseFlags(argc, argv);
  return gateway::Main();
}
