//! The words that headers and cells have for things, in a dozen languages, as [`plain`](crate::words::plain) writes
//! them. [`has`](crate::words::has) says how they are compared: up to three letters, or with a blank in front, a word
//! must stand alone.

#[rustfmt::skip]
pub const EXPORT: &[&str] = &[
    "export", "feedin", "fedin", "feedingrid", "fedtogrid", "togrid", "intogrid", "einspeis", "eingespeist",
    "ruckspeis", "rueckspeis", "rucklief", "rueckliefer", "ruckgespeist", "terug", "injec", "injet", "injett",
    "immiss", "immess", "inmission", "vertid", "excedent", "surplus", "returned", "tonet", "tilnet", "innmating",
    "inmatning", "oddana", "oddane", "wprowadz", "dodavka", "predana", "saliente", "salida", "sold", " sell",
    "netzeinspeisung", "ueberschuss", "uberschuss", "vendu", "venduto", "teruggeleverd", "gridreturn", "gridout",
    "betaplal", "outgoing", "deliverytogrid", "levertnett", "overskudd", "outfeed", "totwhout", "cedida", "ceduta",
    "netreturn", "absout", "returndelivery", "backtogrid", "myyty",
];
#[rustfmt::skip]
pub const IMPORT: &[&str] = &[
    "import", "netzbezug", "bezug", "bezogen", "afname", "afgenomen", "preliev", "prelev", "soutir", "offtake",
    "purchase", "bought", "fromgrid", "gridconsumption", "gridusage", "drawnfrom", "uttak", "uttag", "withdraw",
    "odber", "pobrana", "pobrane", "pobor", "preuzeta", "prejeta", "prejeto", "entrante", "entrada", "fromnet",
    "franet", "gridin", "absin", "totwhin", "incoming", "netzentnahme", "entnahme", "aankoop", "buy",
    "deliveredtoclient", "acquist", "achete", "gekauft", "zukauf", "ostettu", "vetelezett",
];
#[rustfmt::skip]
pub const PRODUCED: &[&str] = &[
    "producti", "produktion", "produced", "producid", "production", "produzione", "prodotta", "produksjon",
    "producao", "produkcja", "produkc", "proizvod", "generation", "generated", "generacion", "generazione", "erzeug",
    "ertrag", "yield", "opwek", "opgewekt", "solar", "photovolt", "pv", "panneaux", "termel", "tuotanto", "tootmine",
    "vyroba", "inverter", "wechselrichter", "zonnepan", "productie", "etoday", "etotal", "acenergy", "produccion",
    "gen", "prod",
];
#[rustfmt::skip]
pub const CONSUMED: &[&str] = &[
    "consum", "verbrauch", "verbruik", "verbruikt", "consommation", "conso", "consommee", "forbruk", "forbrug",
    "forbrukning", "forbrukning", "kulutus", "fogyaszt", "spotreba", "zuzycie", "potros", "potrosn", "tarbimine",
    "usage", "used", "bruk", "lastgang", "activeenergy", "elforbrukning", "strombezug", "paterin", "suvartot",
    "demand", "electricity", "kwhused", "delivered", "levering", "geleverd", "nutzung", "energyuse", "use",
    "verbrauchsdaten", "charger", "ladestation", "wallbox", "diverter", "electric", "con", "strom",
];
#[rustfmt::skip]
pub const HOUSE_LOAD: &[&str] = &[
    " load", " loads", "house", "household", "haushalt", "hausverbrauch", "consumed", "homeconsumption", "home",
    "huisverbruik", "gesamtverbrauch", "totalconsumption", "verbraucher", "casa", "utenze",
];
/// Energy that doesn't pass the grid's meter, or isn't the meter's own.
#[rustfmt::skip]
pub const NOT_GRID: &[&str] = &[
    "selfconsum", "selfuse", "selbst", "eigenverbrauch", "eigenbedarf", "eigendeck", "eigennutz", "autoconsom",
    "autoconsum", "autocons", "zelfverbruik", "egenforbruk", "direktverbrauch", "directuse", "directconsum",
    "directself", "battery", "batterie", "batteria", "bateria", "accu", "akku", "speicher", "storage", "batterij",
    "soc", " charge", "discharge", " charged", "ladung", "entladung", "gemeinschaft", "community", "communaut",
    "comunit", " shared", "anteil", "restbezug", "restnetz", "allocat", "reactiv", "reactief", "blind", "kvarh",
    "kvar", "varh", "induct", "capacit", "reattiv", "reaktiv", "apparent", "kvah", "schein", "gas", "water", "wasser",
    "eau", "heat", "warme", "warmte", "heating", "m3", "forecast", "prognose",
];
/// Money, power and other quantities, unless a unit of energy stands with them.
#[rustfmt::skip]
pub const NOT_ENERGY: &[&str] = &[
    " cost", " costs", "kosten", "price", "preis", "prijs", "prix", "prezzo", "precio", " importe", "betrag", "eur",
    "euro", "chf", "usd", "gbp", "sek", "nok", "dkk", "ore", " amount", " charges", "spotp", "co2", "emission",
    "temperatur", " temp", "humidity", "irradi", "voltage", "spannung", " tension", " current", "frequen", " freq",
    "powerfactor", "cosphi", "leistung", "power", "vermogen", "puissance", "potenza", "potencia", "effekt", " count",
    "duration", " minutes", "intervallength", " estimate", " prev", "previous", "difference", "degree", "autark",
    " ratio", "percent", "prozent", "efficiency", "wirkungsgrad", " rate", "iva", "mwst", "discount", " pas",
    "resolution", "aufloesung", "auflosung", " position", " year", " month", " jahr", " monat", " week",
];
#[rustfmt::skip]
pub const SALDO: &[&str] = &[
    "saldo", "net", "netto", "balance", "bilanz", "netusage", "netenergy",
];
#[rustfmt::skip]
pub const REGISTER: &[&str] = &[
    "register", "zahlerstand", "zaehlerstand", " stand", "meterstand", "tellerstand", "meterreading", "reading",
    "readings", "index", "lettura", "lecture", "lectura", "counter", "cumul", "kumul", "compteur", "malarstallning",
    "maalerstand", "malerstand", "totalizer", "stan licznika", "totwhout", "totwhin", "lifetime", "absolut",
    "meter value", "total increasing", "standen", "ablesung", "gesamtertrag", "zahlerstande",
];
#[rustfmt::skip]
pub const INTERVAL: &[&str] = &[
    "interval", "delta", "lastgang", "lastprofil", "loadprofile", "profil", "volume", "usage", "verbrauch",
    "viertelstund", "perhour", "hourly", "consumo", "conso", "curva", "curve", "messwert", "forbruk", "forbrug",
    "verbruik", "increment", "hour", "15min", "daily", "tages",
];
#[rustfmt::skip]
pub const TOTAL: &[&str] = &[
    "total", "gesamt", "totaal", "totale", "summe", "sum", "totali", "insgesamt", "celkem", "razem", "tot", "all",
];

/// Words of the ends of an interval.
#[rustfmt::skip]
pub const START: &[&str] = &[
    "start", "from", "von", "van", "begin", "beginn", "debut", "inizio", "inicio", "desde", "fra", "fran", "da",
    "dal", "od", "alku", "beginning", "datefrom", "starttime", "ab", "starting", "startdate", "alkaa", "fradato",
    "fratid",
];
#[rustfmt::skip]
pub const END: &[&str] = &[
    "end", "to", "until", "till", "bis", "tot", "ende", "einde", "fin", "fine", "hasta", "til", "till", "al", "do",
    "loppu", "dateto", "endtime", "ending", "eind", "endet", "enddate", "slut", "slutt", "tildato", "tiltid",
];
#[rustfmt::skip]
pub const TIME: &[&str] = &[
    "time", "date", "datum", "zeit", "uhrzeit", "tijd", "tijdstip", "fecha", "hora", "heure", "horodate", "data",
    "ora", "orario", "giorno", "dato", "tid", "tidspunkt", "timestamp", "zeitstempel", "zeitpunkt", "datetime", "pvm",
    "aika", "jour", "dia", "den", "cas", "ablesezeitpunkt", "messzeitpunkt", "day", "tag", "dag", "ts", "when",
    "period", "hour", "tidpunkt", "czas", "lastchanged", "lastupdated", "datapoint", "vreme", "idopont", "kuupaev",
    "interval", "data i godzina", "reading date", "readdate", "meterreadingdate", "uur", "stunde", "h",
];
/// Ids of metering points, then of meters, then of devices: the first that a file has names the meter.
#[rustfmt::skip]
pub const POINT_ID: &[&str] = &[
    "meterid", "zahlpunkt", "zaehlpunkt", "zpnummer", "zpnr", "metering point", "meteringpoint", "marktlokation",
    "messlokation", "malo", "melo", "ean", "eancode", "eancodeasn", "pod", "cups", "nmi", "mpan", "mprn", "prm",
    "pdl", "gsrn", "malepunkt", "malepunktid", "maalepunkt", "usagepoint", "messpunkt", "servicepoint",
    "anlaggningsid", "punktodbioru", "ppe", "omm", "merilnomesto", "mittauspiste", "kayttopaikka", "codicepod",
    "identifiant prm", "identifiantprm", "malepunktsid", "anleggsid", "meteringpointid", "esiid", "pointdelivery",
    "merno mesto",
];
#[rustfmt::skip]
pub const METER_ID: &[&str] = &[
    "meternumber", "meterno", "zahlernummer", "zahlernr", "zaehlernummer", "zahler", "zaehler", "meternummer",
    "meter", "contatore", "compteur", "contador", "malernummer", "licznik", "stevec", "mittari", "matarnummer",
    "meterserialnumber", "matricola",
];
#[rustfmt::skip]
pub const DEVICE_ID: &[&str] = &[
    "serialnumber", "seriennummer", "serial", "sn", "device", "deviceid", "gerat", "anlage", "inverter", "plant",
    "station", "siteid", "site", "plantid",
];
#[rustfmt::skip]
pub const QUALITY: &[&str] = &[
    "status", "qualit", "kvalitet", "statut", "estado", "stato", "validat", "validie", "validering", "quality",
    "kwaliteit", "flag", "obtencion", "obtainmethod", "metodo", "messart", "nature", "wertart", "estimated", "qflag",
    "kvalitetskode", "readingtype", "type of reading", "laatu", "plausib",
];
#[rustfmt::skip]
pub const UNIT_COLUMN: &[&str] = &[
    "unit", "einheit", "eenheid", "unite", "unita", "unidad", "enhet", "enhed", "uom", "units", "maleenhed",
    "jednostka", "yksikko", "unitofmeasurement", "unitofmeasure",
];
#[rustfmt::skip]
pub const ESTIMATED: &[&str] = &[
    "estim", "geschat", "geschaetzt", "ersatz", "interpol", "substitu", "stimat", "calculat", "berekend", "est",
    "hochgerechnet", "vorlaufig", "prelimin", "berechnet", "anslatt", "stipulert", "arvioitu", "forecast",
    "provisional", "extrapol",
];
