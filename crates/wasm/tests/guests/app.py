"""A controller of the world `controller`, in Python: adds `a` to itself. The soak builds it."""
import json
import wit_world
from wit_world.imports import log

class WitWorld(wit_world.WitWorld):
    def call(self, request: str) -> str:
        args = json.loads(request)["args"]
        log.write(log.Level.INFO, "adding")
        print("printed")
        return json.dumps({"sum": args["a"] + args["a"]})
