"""What happens to a module right after the agent's code imports it, and modules that stand in for absent ones."""

import importlib.machinery
import sys


class Watch:
    """Calls `actions[name](module)` once `name` has been imported, by whoever imports it. What an action raises is nobody's error."""

    def __init__(self, actions):
        self.actions = dict(actions)
        for name in list(self.actions):
            if name in sys.modules:
                self.act(name)

    def act(self, name):
        action = self.actions.pop(name, None)
        try:
            if action is not None:
                action(sys.modules[name])
        except Exception:
            pass  # another version of the library than ours: it then shows what it shows by itself

    def find_spec(self, name, path=None, target=None):
        if name not in self.actions:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = Loader(spec.loader, lambda: self.act(name))
                return spec
        return None


class Loader:
    """The module's own loader, and then `after`."""

    def __init__(self, loader, after):
        self.loader, self.after = loader, after

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.after()


class StandIns:
    """Finds `modules[name]`, as the last resort: a module that is installed is found before."""

    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin="stand-in", is_package=name + ".display" in self.modules)

    def create_module(self, spec):
        return self.modules[spec.name]

    def exec_module(self, module):
        pass
