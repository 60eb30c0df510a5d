"""Host suffixes below which anyone may register a name, so that a wildcard over one trusts strangers (rule 9).

Sources: Microsoft's "Reference list of Azure domains", its comparison of the national clouds with global Azure, and its
names of private DNS zones. For hosts of others: the private section of the Public Suffix List. Hosts of Microsoft alone
are not listed, for example the regional hosts of Fabric below `analysis.windows.net`.
"""

_STORAGE = ("blob", "dfs", "file", "queue", "table", "web")
_CLOUD_CORES = ("core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net", "core.cloudapi.de")

_SERVICES = """
afs batch cognitiveservices communication confidential-ledger cosmos database digitaltwins documents eventgrid
inference.ml logic models.ai openai purview search services.ai signalr vault webpubsub
"""
_CLOUDS = ("azure.com", "azure.net", "azure.us", "azure.cn", "microsoftazure.de", "windows.net", "usgovcloudapi.net")

_LISTED = """
appserviceenvironment.net appserviceenvironment.us azconfig.azure.cn azconfig.azure.us azconfig.io azmk8s.io azmk8s.us
azure-api.cn azure-api.net azure-api.us azure-automation.net azure-devices.cn azure-devices.net azure-devices.us
azure-devices-provisioning.net azure-mobile.net azurecontainer.io azurecontainerapps.cn azurecontainerapps.io
azurecontainerapps.us azurecr.cn azurecr.io azurecr.us azuredatabricks.net azuredatalakeanalytics.net
azuredatalakestore.net azureedge.cn azureedge.net azureedge.us azurefd.cn azurefd.net azurefd.us azurehdinsight.cn
azurehdinsight.net azurehdinsight.us azurehealthcareapis.com azurehealthcareapis.us azureiotcentral.com
azuremicroservices.io azurestaticapps.cn azurestaticapps.net azurestaticapps.us azuresynapse.cn azuresynapse.net
azuresynapse.us azurewebsites.net azurewebsites.us

attest.azure.net cache.azure.net cache.chinacloudapi.cn cache.usgovcloudapi.net cache.windows.net cloudapp.azure.com
cloudapp.azure.us cloudapp.chinacloudapi.cn cloudapp.microsoftazure.de cloudapp.net cloudapp.usgovcloudapi.net
chinacloudapp.cn chinacloudsites.cn database.chinacloudapi.cn database.cloudapi.de instances.azureml.ms
instances.azureml.us kusto.fabric.microsoft.com kusto.windows.net managedhsm.azure.cn managedhsm.azure.net
managedhsm.usgovcloudapi.net mediaservices.windows.net notebooks.azure.net service.signalr.net
servicebus.chinacloudapi.cn servicebus.cloudapi.de servicebus.usgovcloudapi.net servicebus.windows.net
storage.azure.net usgovcloudapp.net vo.msecnd.net

azuretrafficmanager.cn azuretrafficmanager.de trafficmanager.cn trafficmanager.net usgovtrafficmanager.net

dynamics.cn dynamics.com microsoftdynamics.us onmicrosoft.cn onmicrosoft.com onmicrosoft.de onmicrosoft.us
partner.onmschina.cn powerappsportals.com powerappsportals.us powerpages.com powerpages.microsoft.com sharepoint-mil.us
sharepoint.cn sharepoint.com sharepoint.de sharepoint.us visualstudio.com

amazonaws.com appspot.com cloudfront.net cloudfunctions.net devtunnels.ms
firebaseapp.com fly.dev github.dev github.io githubusercontent.com gitlab.io herokuapp.com herokussl.com netlify.app
ngrok-free.app ngrok-free.dev ngrok.app ngrok.dev ngrok.io onrender.com pages.dev r2.dev railway.app
readthedocs.io run.app trycloudflare.com vercel.app web.app workers.dev
"""

OPEN_SUFFIXES = frozenset(
    [
        *_LISTED.split(),
        *(f"{service}.{core}" for service in _STORAGE for core in _CLOUD_CORES),
        *(f"{service}.{cloud}" for service in _SERVICES.split() for cloud in _CLOUDS),
    ]
)
"""Lower-case host suffixes. Their zones, such as `westus.cloudapp.azure.com`, are open too."""

_REGISTRY_LABELS = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "mil", "ne", "net", "nom", "or", "org"}
)
_COUNTRY = 2  # letters of a country's top-level domain
_MOST_LABELS = max(suffix.count(".") + 1 for suffix in OPEN_SUFFIXES)


def is_open(host: str) -> bool:
    """Whether strangers may register names below a lower-case host: an open suffix, or a host below one.

    A registry's own level, such as `co.uk`, is open too.
    """
    labels = host.split(".")[-_MOST_LABELS:]
    match labels:
        case [label, country] if label in _REGISTRY_LABELS and len(country) == _COUNTRY:
            return True
        case _:
            return any(".".join(labels[start:]) in OPEN_SUFFIXES for start in range(len(labels)))
