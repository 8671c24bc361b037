# envoy.yaml as the gateway's image has it (see Dockerfile). What scripts/up
# fills in on one machine are fixed names here: those of the Services.
s/\${GATEWAY_ADMIN_PORT}/8087/
s/\${GATEWAY_LISTEN}/0.0.0.0/
s/\${GATEWAY_PORT}/8080/
s/\${GATEWAY_CLIENT_REQUESTS_PER_SECOND}/20000/
s/\${GATEWAY_CLIENT_BURST}/40000/
s/\${GATEWAY_CLIENTS}/10000/
s/\${GATEWAY_MAX_CONNECTIONS}/4000/
s/\${GATEWAY_MAX_HEAP_BYTES}/402653184/
s/\${AUTH_OFF}/false/
s/\${AUTH_ISSUER}/restaurant/
s/\${AUTH_AUDIENCE}/restaurant/
s/\${AUTH_JWKS}/\/etc\/auth\/people.jwks.json/
s/\${DESCRIPTOR_SET}/\/etc\/gateway\/restaurant.pb/

# A Service's name stands for all its pods, and the sidecar chooses one.
s/\${UPSTREAM_TYPE}/STRICT_DNS/
s/\${REFLECTION_ENDPOINTS}/[{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8086}}}}]/
s/\${PAGE_ENDPOINTS}/[{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8085}}}}]/
# Watches go to the same pods by a cluster of their own.
s/cluster_name: mypage_watch, endpoints: \[{lb_endpoints: \${MYPAGE_ENDPOINTS}}\]/cluster_name: mypage_watch, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: mypage, port_value: 8080}}}}]}]/
s/load_assignment: {cluster_name: \([a-z]*\), endpoints: \[{lb_endpoints: \${[A-Z]*_ENDPOINTS}}\]}/load_assignment: {cluster_name: \1, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \1, port_value: 8080}}}}]}]}/

# The sidecar finds a route by the host that is asked for: the service, not the
# name by which customers know us.
s/{cluster: \([a-z_]*\), timeout/{cluster: \1, auto_host_rewrite: true, timeout/

# Which pods are ready is known to Kubernetes. A check of the Service's name would
# ask some pod and blame all.
/health_checks: &readiness/,/grpc_health_check/d
/health_checks: \*readiness/d
