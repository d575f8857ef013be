-- A page of 50 transactions with 14 fields each, account and category nested, for wrk. The token
-- comes from the environment: TOKEN=cst_… wrk -s tests/bench/page.lua …
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
wrk.body = [[{"query":"{ transactions(first: 50) { edges { cursor node { id bookedOn valueOn amount currency magnitude direction counterparty description reference account { id name } category { id name } } } pageInfo { hasNextPage endCursor } } }"}]]
