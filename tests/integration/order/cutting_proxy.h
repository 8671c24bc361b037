// A TCP proxy that can lose an answer: it stands between a client and Postgres
// and cuts the connection when the answer comes, so that the client cannot know
// whether its statement was committed.
#pragma once

#include <memory>
#include <string>

namespace order {

class CuttingProxy {
 public:
  // Forwards to the server that the libpq connection string `dsn` names.
  explicit CuttingProxy(const std::string& dsn);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  // `dsn` by way of the proxy.
  std::string dsn() const;

  // Cuts the connection of the next `count` requests that contain `text`: each
  // reaches the server, its answer is thrown away.
  void CutAnswerTo(const std::string& text, int count = 1);
  // How many were cut.
  int cuts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace order
